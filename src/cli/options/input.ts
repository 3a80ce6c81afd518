import { formatBytes } from "../../config/mod.ts";
import { readTextFile } from "../../shared/files.ts";
import { describeError, UsageFailure } from "../terminal/failure.ts";
import { jsonViolation } from "../terminal/json_violation.ts";
import { askForSecret } from "../terminal/prompts.ts";

/** Limit of an input or a secret in bytes; servers accept less. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

export const INPUT_HELP =
  "Input as a JSON object; @FILE reads it from a file, - from stdin [default {}]";

/** Other names of stdin. Deno reads no device by its path. */
const STDIN_PATHS = ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/** The JSON text of a flag. @throws {Failure} for any other text than a JSON object */
export async function readInput(given: string | undefined, flag = "--input"): Promise<string> {
  if (given === undefined) return "{}";
  const text = await readSource(given);
  const violation = await violationOf(text);
  if (violation === undefined) return text;
  const from = isStdin(given) ? "stdin" : inputFile(given) ?? flag;
  throw new UsageFailure(`Invalid input in ${from}: it is not a JSON object${violation}`, {
    next: `write it as '{"name": "Ada"}', or as @FILE`,
  });
}

/** The end of the message for a text that is not a JSON object; undefined for a JSON object. */
async function violationOf(text: string): Promise<string | undefined> {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return " but an array";
    return typeof value === "object" && value !== null ? undefined : "";
  } catch (error) {
    return await jsonViolation(text, error);
  }
}

/** The file of an input; undefined for an input without a file. */
export function inputFile(given: string | undefined): string | undefined {
  return given?.startsWith("@") && !isStdin(given) ? given.slice(1) : undefined;
}

/** Whether an input comes from stdin, which can be read once. */
export function isStdin(given: string | undefined): boolean {
  return given === "-" || (given?.startsWith("@") && STDIN_PATHS.includes(given.slice(1))) === true;
}

async function readSource(given: string): Promise<string> {
  if (isStdin(given)) return await readStdin();
  const file = inputFile(given);
  if (file === undefined) return given;
  try {
    return await readTextFile(file);
  } catch (error) {
    throw new UsageFailure(`Failed to read the input ${file}: ${describeError(error)}`, {
      next: "name a readable file behind @, or write the JSON itself",
    });
  }
}

/**
 * A secret from a prompt of a terminal, or from stdin. One line break at the end, as echo and editors add it, is not part
 * of the secret. It is never an argument: every user can read arguments.
 */
export async function readSecretText(question: string, instead: string): Promise<string> {
  return Deno.stdin.isTerminal()
    ? await askForSecret(question, instead)
    : (await readStdin()).replace(/\r?\n$/, "");
}

/** All of stdin as text. @throws {Failure} for bytes that are not UTF-8, and for too many */
export async function readStdin(): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for await (const chunk of Deno.stdin.readable) {
    text += decode(decoder, chunk);
    if (text.length > MAX_INPUT_BYTES) {
      const limit = formatBytes(MAX_INPUT_BYTES);
      throw new UsageFailure(`Stdin is too large: it has more than ${limit}`, {
        next: "give less; a volume takes large files (invoked volumes put)",
      });
    }
  }
  return text + decode(decoder);
}

/** Decodes a chunk; without a chunk it ends the text. */
function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return decoder.decode(chunk, { stream: chunk !== undefined });
  } catch {
    throw new UsageFailure("Stdin is not UTF-8 text", {
      next: "give text; encode other bytes as base64",
    });
  }
}
