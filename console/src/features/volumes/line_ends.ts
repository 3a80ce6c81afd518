/** Line ends of files: a text field of a browser knows `\n` alone. */

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
