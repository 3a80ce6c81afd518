import { describeError, Failure } from "../terminal/failure.ts";
import { parseJson } from "../client/api_error.ts";

/** Bytes of an input or a secret that are read; servers accept less. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

export const INPUT_HELP = "JSON object; @FILE reads it from a file, - from stdin [{}]";

/** The JSON text of an input as `--input` gives it. @throws {Failure} for what is no JSON object */
export async function readInput(given: string | undefined): Promise<string> {
  if (given === undefined) return "{}";
  const text = await readSource(given);
  const value = parseJson(text);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return text;
  const from = given.startsWith("@") ? given.slice(1) : given === "-" ? "stdin" : "--input";
  throw new Failure(`The input in ${from} is not a JSON object`, {
    next: `write it as '{"name": "Ada"}', or as @FILE`,
    exit: "usage",
  });
}

/** The file that an input is read from; undefined where it is none. */
export function inputFile(given: string | undefined): string | undefined {
  return given?.startsWith("@") ? given.slice(1) : undefined;
}

async function readSource(given: string): Promise<string> {
  if (given === "-") return await readStdin();
  const file = inputFile(given);
  if (file === undefined) return given;
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    throw new Failure(`Cannot read the input ${file}: ${describeError(error)}`, { exit: "usage" });
  }
}

/** All of stdin as text. @throws {Failure} for what is no UTF-8, which would not be what is stored */
export async function readStdin(): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  for await (const chunk of Deno.stdin.readable) {
    text += decode(decoder, chunk);
    if (text.length > MAX_INPUT_BYTES) {
      throw new Failure(`stdin holds more than ${MAX_INPUT_BYTES} bytes`, { exit: "usage" });
    }
  }
  return text + decode(decoder);
}

/** Decodes a chunk, or where there is none the end. */
function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return decoder.decode(chunk, { stream: chunk !== undefined });
  } catch {
    throw new Failure("stdin is not UTF-8 text", {
      next: "give text; bytes can be given as base64",
      exit: "usage",
    });
  }
}
