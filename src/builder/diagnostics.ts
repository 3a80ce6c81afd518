/** Diagnostics: their text form, their limits, and the removal of server paths from messages. */

import type { Diagnostic } from "./contract.ts";

/** Diagnostics that one build reports; further diagnostics are discarded. */
export const MAX_DIAGNOSTICS = 20;

/** Longest message of a diagnostic in UTF-16 code units; longer messages are cut. */
const MAX_MESSAGE_CHARS = 2000;

/** `main.ts:3:14: message`, without the unknown parts. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { path, line, column, message } = diagnostic;
  if (path === undefined) return message;
  const position = [path, line, line === undefined ? undefined : column];
  return `${position.filter((part) => part !== undefined).join(":")}: ${message}`;
}

/** Compares diagnostics by file, line and column. */
export function byPosition(a: Diagnostic, b: Diagnostic): number {
  const [left, right] = [a.path ?? "", b.path ?? ""];
  if (left !== right) return left < right ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** The diagnostics without repetitions, in their order. */
export function distinct(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(diagnostics.map((found) => [JSON.stringify(found), found])).values()];
}

/** The result of a rejected build, limited in number and length of its diagnostics. */
export function rejected(
  ...diagnostics: readonly Diagnostic[]
): { readonly kind: "rejected"; readonly diagnostics: readonly Diagnostic[] } {
  return {
    kind: "rejected",
    diagnostics: diagnostics.slice(0, MAX_DIAGNOSTICS).map((diagnostic) => ({
      ...diagnostic,
      message: cut(diagnostic.message),
    })),
  };
}

function cut(message: string): string {
  return message.length <= MAX_MESSAGE_CHARS
    ? message
    : `${message.slice(0, MAX_MESSAGE_CHARS).toWellFormed()}...`;
}

/** A directory of the server, and its replacement in messages. */
interface Replacement {
  readonly directory: string;
  readonly by: string;
}

/**
 * Removes the server's own directories from a message: as paths, as `file:` URLs, percent-encoded or not. Longer
 * directories must come before the directories that contain them.
 */
export function scrub(message: string, replacements: readonly Replacement[]): string {
  let text = message;
  for (const { directory, by } of replacements) {
    const url = new URL(`file://${encodeURI(directory)}`);
    for (const form of [url.href, `file://${directory}`, url.pathname, directory]) {
      text = text.replaceAll(`${form}/`, by).replaceAll(form, by === "" ? "." : by);
    }
  }
  return text.replaceAll("file:///", "/");
}
