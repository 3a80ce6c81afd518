import { parseEnv } from "node:util";
import { readTextFile } from "../../shared/files.ts";
import { describeError, Failure } from "../terminal/failure.ts";

/** `--secrets`, for the commands that run a function locally. */
export const SECRETS_HELP = "Secrets of the function: a file with lines of NAME=value";

/** `export` is allowed, as shells read the file, too. */
const ASSIGNMENT = /^\s*(?:export\s+)?[\w.-]+\s*=/;
/** An assignment whose quoted value may have several lines. */
const QUOTED = /^[ \t]*(?:export[ \t]+)?[\w.-]+[ \t]*=[ \t]*(["'`])[^]*?\1/gm;

/**
 * The secrets in a file of NAME=value lines, as a .env file has them.
 *
 * @throws {Failure} for a line that is no assignment, and for a secret without a value; no message has a value
 */
export async function readSecrets(path: string | undefined): Promise<Record<string, string>> {
  if (path === undefined) return {};
  const text = await readTextFile(path).catch((error) => {
    throw new Failure(`Cannot read the secrets in ${path}: ${describeError(error)}`, {
      exit: "usage",
    });
  });
  const wrong = firstWrongLine(text);
  if (wrong !== undefined) {
    throw new Failure(`Cannot use the secrets in ${path}: line ${wrong} is not NAME=value`, {
      next: "correct the line, or begin it with # as a comment",
      exit: "usage",
    });
  }
  return Object.fromEntries(
    Object.entries(parseEnv(text)).map(([name, value = ""]) => {
      if (value !== "") return [name, value];
      throw new Failure(`Cannot use the secrets in ${path}: ${name} has no value`, {
        next: "give it a value, or remove the line: a secret is never empty",
        exit: "usage",
      });
    }),
  );
}

/** The number of the first line that is neither empty, nor a comment, nor an assignment. */
function firstWrongLine(text: string): number | undefined {
  // The later lines of a quoted value are no lines of their own.
  const flat = text.replace(QUOTED, (found) => `x=${"\n".repeat(found.split("\n").length - 1)}`);
  const index = flat.split("\n").findIndex((line) =>
    !/^\s*(?:#|$)/.test(line) && !ASSIGNMENT.test(line)
  );
  return index === -1 ? undefined : index + 1;
}
