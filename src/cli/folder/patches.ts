/** Differences of files as text. */
import { createTwoFilesPatch } from "diff";
import type { Files } from "../client/api.ts";
import { oneLine, printable } from "../terminal/failure.ts";
import { paint } from "../terminal/output.ts";
import type { Change } from "./changes.ts";

/**
 * A unified diff; one line for a binary file.
 * @param shown the path as the user knows it
 */
export function patchOf(
  { path, change }: Change,
  shown: string,
  before: Files,
  after: Files,
): string {
  const [old, now] = [before.get(path), after.get(path)].map(textOf);
  const name = oneLine(shown);
  if (old === undefined || now === undefined) return `Binary file ${name} ${change}`;
  const [from, to] = [
    change === "added" ? "/dev/null" : `a/${name}`,
    change === "removed" ? "/dev/null" : `b/${name}`,
  ];
  return createTwoFilesPatch(from, to, old, now, undefined, undefined, { context: 3 })
    .split("\n").slice(1).join("\n").trimEnd();
}

/** Text of a file; empty if the file is absent, undefined if it is not text. */
function textOf(content: Uint8Array | undefined): string | undefined {
  if (content === undefined) return "";
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(content);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

/** A patch with its colours, without control characters. */
export function paintPatch(patch: string): string {
  return printable(patch).split("\n").map((line) => {
    if (/^(?:\+\+\+|---) /.test(line)) return paint("bold", line);
    if (line.startsWith("@@")) return paint("cyan", line);
    if (line.startsWith("+")) return paint("green", line);
    return line.startsWith("-") ? paint("red", line) : line;
  }).join("\n");
}
