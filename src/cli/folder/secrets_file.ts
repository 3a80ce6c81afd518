import { parseEnv } from "node:util";
import { readTextFile } from "../../shared/files.ts";
import { describeError, UsageFailure } from "../terminal/failure.ts";

/** `--secrets`, for the commands that run a function locally. */
export const SECRETS_HELP = "Secrets of the function: a file with lines of NAME=value";

/** The name of an assignment; `export` is allowed, as shells read the file, too. */
const ASSIGNMENT = /^\s*(?:export\s+)?([\w.-]+)\s*=/;
/** An assignment whose quoted value may have several lines. */
const QUOTED = /^([ \t]*(?:export[ \t]+)?[\w.-]+[ \t]*=)[ \t]*(["'`])[^]*?\2/gm;

/**
 * The secrets in a file of NAME=value lines, as a .env file has them.
 *
 * @throws {Failure} for a line that is no assignment, and for a secret without a value; no message has a value
 */
export async function readSecrets(path: string | undefined): Promise<Record<string, string>> {
  if (path === undefined) return {};
  const text = await readTextFile(path).catch((error) => {
    throw new UsageFailure(`Failed to read the secrets in ${path}: ${describeError(error)}`, {
      next: "name a readable file with lines of NAME=value",
    });
  });
  const { wrong, lineOf } = readLines(text);
  if (wrong !== undefined) {
    throw new UsageFailure(`Invalid secrets in ${path}: line ${wrong} is not NAME=value`, {
      next: "correct the line, or begin it with # as a comment",
    });
  }
  return Object.fromEntries(
    Object.entries(parseEnv(text)).map(([name, value = ""]) => {
      if (value !== "") return [name, value];
      const line = lineOf.get(name);
      throw new UsageFailure(`Invalid secrets in ${path}: line ${line}: ${name} has no value`, {
        next: "give it a value, or remove the line: a secret is never empty",
      });
    }),
  );
}

/** The lines of a file of assignments, from 1. */
interface Lines {
  /** The first that is neither empty, nor a comment, nor an assignment. */
  readonly wrong: number | undefined;
  /** The line of each name; the last line counts. */
  readonly lineOf: ReadonlyMap<string, number>;
}

function readLines(text: string): Lines {
  // The later lines of a quoted value do not count as lines.
  const lines = text.replace(
    QUOTED,
    (found, name: string) => name + "\n".repeat(found.split("\n").length - 1),
  ).split("\n").map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => !/^\s*(?:#|$)/.test(line));
  return {
    wrong: lines.find(({ line }) => !ASSIGNMENT.test(line))?.number,
    lineOf: new Map(
      lines.flatMap(({ line, number }) => {
        const name = ASSIGNMENT.exec(line)?.[1];
        return name === undefined ? [] : [[name, number] as const];
      }),
    ),
  };
}
