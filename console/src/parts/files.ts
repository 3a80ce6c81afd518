/** Files as pages hold them: their contents by their paths, and the line ends of a text. */

/** What a file holds: text, or bytes that are not text, in base64. */
export type FileContent = string | Bytes;

export interface Bytes {
  readonly base64: string;
}

/** Files by their paths. A path may be any name, such as `constructor`: `own` reads the file. */
export type FileContents = Readonly<Record<string, FileContent>>;

export function isText(content: FileContent | undefined): content is string {
  return typeof content === "string";
}

export function isBinary(content: FileContent | undefined): content is Bytes {
  return content !== undefined && !isText(content);
}

/** Whether both are the same file, or both are missing. */
export function isSameContent(
  one: FileContent | undefined,
  other: FileContent | undefined,
): boolean {
  if (one === undefined || other === undefined || isText(one) || isText(other)) {
    return one === other;
  }
  return one.base64 === other.base64;
}

/** How many bytes there are. */
export function lengthOf({ base64 }: Bytes): number {
  return Math.floor(base64.replace(/=+$/, "").length * 3 / 4);
}

/** The files that are text. */
export function textsOf(files: FileContents): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(files).filter((file): file is [string, string] => isText(file[1])),
  );
}

/** The value of a name that an object has itself; others, such as `constructor`, every object inherits. */
export function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

const LINE_END = /\r\n|\r|\n/g;

/** A text as a field has it. */
export function normalized(text: string): string {
  return text.replace(LINE_END, "\n");
}

/**
 * A text of a field with the line ends of the file. Lines before and after what was edited keep theirs; others get the
 * first one of the file.
 */
export function withLineEnds(edited: string, file: string): string {
  const ends = file.match(LINE_END) ?? [];
  const [first = "\n"] = ends;
  if (ends.every((end) => end === first)) return edited.replaceAll("\n", first);
  const [lines, before] = [edited.split("\n"), normalized(file).split("\n")];
  const isSame = (at: number) => lines.at(at) === before.at(at);
  const most = Math.min(lines.length, before.length);
  let [head, tail] = [0, 0];
  while (head < most && isSame(head)) head += 1;
  while (tail < most - head && isSame(-1 - tail)) tail += 1;
  const endOf = (index: number) => {
    if (index < head) return ends[index] ?? first;
    const fromEnd = lines.length - index;
    return fromEnd <= tail ? ends[before.length - fromEnd] ?? first : first;
  };
  return lines.map((line, index) => index === lines.length - 1 ? line : line + endOf(index))
    .join("");
}
