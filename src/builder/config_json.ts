/** Reads JSON files with comments, and where their values are. */

import { type Node, type ParseError, parseTree } from "jsonc-parser";
import type { Diagnostic } from "./contract.ts";

/** Largest configuration file that is read, in bytes. */
const MAX_BYTES = 256 * 1024;

/** A value in a file. */
export interface Value {
  /** Undefined for an object. */
  readonly value: unknown;
  /** The members of an object; the last of one name counts. */
  readonly members: ReadonlyMap<string, Value>;
  /** 1-based. */
  readonly line: number;
}

/** The object that a file holds, or the error of the file. */
type ReadJson =
  | { readonly kind: "object"; readonly members: ReadonlyMap<string, Value> }
  | { readonly kind: "error"; readonly error: Pick<Diagnostic, "line" | "message"> };

/** Reads an object with comments and trailing commas. */
export function readJsonObject(content: Uint8Array): ReadJson {
  if (content.length > MAX_BYTES) return unreadable(`it is larger than ${MAX_BYTES / 1024} KiB`);
  const text = new TextDecoder().decode(content);
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(text, errors, { allowTrailingComma: true });
  } catch (error) {
    if (error instanceof RangeError) return unreadable("it is nested too deeply");
    throw error;
  }
  const lineAt = lines(text);
  const [error] = errors;
  if (error !== undefined) return unreadable("it is not JSON", lineAt(error.offset));
  if (root?.type !== "object") return unreadable("it is not a JSON object", 1);
  return { kind: "object", members: valueOf(root, lineAt).members };
}

function unreadable(message: string, line?: number): ReadJson {
  return { kind: "error", error: { message, ...line === undefined ? {} : { line } } };
}

function valueOf(node: Node, lineAt: (offset: number) => number): Value {
  const members = new Map<string, Value>();
  for (
    const { children: [name, value] = [] } of node.type === "object" ? node.children ?? [] : []
  ) {
    if (name !== undefined && value !== undefined) {
      members.set(String(name.value), { ...valueOf(value, lineAt), line: lineAt(name.offset) });
    }
  }
  const value = node.type === "array"
    ? (node.children ?? []).map((child) => child.value as unknown)
    : node.value as unknown;
  return { value, members, line: lineAt(node.offset) };
}

/** The 1-based line of an offset. */
function lines(text: string): (offset: number) => number {
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index);
  return (offset) => {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}
