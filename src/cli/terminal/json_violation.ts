import { describeError } from "./failure.ts";

/** How the parser names a position at the end of its message, or else the text. */
const POSITION = / (?:in|after) JSON at position \d+ \(line (\d+) column (\d+)\)$/;
const QUOTED = /, (?:\.\.\.)?"[^]*is not valid JSON$/;

/**
 * Why a text is not JSON, and where, to follow `it is not JSON`: ` at line 2, column 5: Unexpected token 'x'`.
 *
 * @param error of `JSON.parse` for the text
 */
export async function jsonViolation(text: string, error: unknown): Promise<string> {
  const message = describeError(error);
  const [, line, column] = POSITION.exec(message) ?? [];
  const at = line === undefined ? await positionIn(text) : `line ${line}, column ${column}`;
  return ` at ${at}: ${message.replace(POSITION, "").replace(QUOTED, "")}`;
}

/** Where a text ceases to be JSON, which the parser does not say of an unexpected token and of the end. */
async function positionIn(text: string): Promise<string> {
  const { parse } = await import("jsonc-parser");
  const errors: { readonly offset: number }[] = [];
  parse(text, errors as [], { disallowComments: true });
  const before = text.slice(0, errors[0]?.offset ?? text.length).split("\n");
  return `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
}
