import type { Files } from "../client/api.ts";
import { oneLine } from "../terminal/failure.ts";

export interface Change {
  readonly path: string;
  readonly change: "added" | "changed" | "removed";
}

/** The changes between two sets of files, in the order of the paths. */
export function changesBetween(before: Files, after: Files): Change[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return paths.flatMap((path): Change[] => {
    const [old, now] = [before.get(path), after.get(path)];
    if (old === undefined) return [{ path, change: "added" }];
    if (now === undefined) return [{ path, change: "removed" }];
    return sameBytes(old, now) ? [] : [{ path, change: "changed" }];
  });
}

const SIGNS = { added: ["+", "green"], changed: ["~", "yellow"], removed: ["-", "red"] } as const;

/** A change as one line. */
export function formatChange(
  { path, change }: Change,
  painted: (style: "green" | "yellow" | "red", text: string) => string,
): string {
  const [sign, style] = SIGNS[change];
  return painted(style, `${sign} ${oneLine(path)}`);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
