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
