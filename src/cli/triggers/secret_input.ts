import { readStdin } from "../options/input.ts";
import { UsageFailure } from "../terminal/failure.ts";
import { askForSecret } from "../terminal/prompts.ts";

/** Reads the secret of a webhook. The secret is never an argument: every user of the machine can read arguments. */
export async function readSecret(): Promise<string> {
  return (await readSecrets(["secret"]))[0] ?? "";
}

/**
 * Reads what a webhook and its sender share: at the terminal one after another, from stdin a line for each.
 * @param names of the values, such as `verify token`
 * @throws {Failure} for an empty one, and for a line too few or too many
 */
export async function readSecrets(names: readonly string[]): Promise<string[]> {
  const values: string[] = [];
  if (Deno.stdin.isTerminal()) {
    for (const name of names) {
      values.push(await askForSecret(`The ${name} of the webhook`, `give the ${name} on stdin`));
    }
  } else if (names.length > 0) {
    const text = (await readStdin()).replace(/\r?\n$/, "");
    values.push(...names.length === 1 ? [text] : text.split(/\r?\n/));
  }
  const isComplete = values.length === names.length && !values.includes("");
  if (isComplete) return values;
  const [name = ""] = names;
  throw names.length === 1
    ? new UsageFailure(`The ${name} is empty`, { next: "give it on stdin" })
    : new UsageFailure(`Invalid stdin: the ${names.join(" and the ")} need one line each`, {
      next: `give the ${name} on the first line of stdin, and the other on the second`,
    });
}
