import { diffLines } from "diff";
import { type FileContent, isText } from "./files.ts";

/** Lines that one text has and the other has not; more of them count as a text that was written anew. */
const EDITS_MAX = 2_000;

/** Consecutive lines of a difference. */
interface LineRun {
  readonly word: "added" | "deleted" | "kept";
  /** Each line with its end. */
  readonly text: string;
  readonly count: number;
}

/** What became of the lines of a text. An absent text has none. */
export function lineRuns(original = "", modified = ""): readonly LineRun[] {
  const found = diffLines(original, modified, { maxEditLength: EDITS_MAX });
  if (found === undefined) return [runOf("deleted", original), runOf("added", modified)];
  return found.map(({ added, removed, value, count }) => ({
    word: added ? "added" : removed ? "deleted" : "kept",
    text: value,
    count,
  }));
}

function runOf(word: LineRun["word"], text: string): LineRun {
  const lines = text.split("\n").length;
  return { word, text, count: text.endsWith("\n") ? lines - 1 : lines };
}

/** How many lines differ; none of a content that is not text. */
export interface LineCounts {
  readonly added: number;
  readonly deleted: number;
}

export function lineCounts(
  original: FileContent | undefined,
  modified: FileContent | undefined,
): LineCounts {
  const [before, after] = [original, modified].map((side) => isText(side) ? side : undefined);
  const runs = lineRuns(before, after);
  const total = (word: LineRun["word"]) =>
    runs.reduce((sum, run) => run.word === word ? sum + run.count : sum, 0);
  return { added: total("added"), deleted: total("deleted") };
}
