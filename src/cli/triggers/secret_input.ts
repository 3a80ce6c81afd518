import { readStdin } from "../options/input.ts";
import { Failure } from "../terminal/failure.ts";
import { askForSecret } from "../terminal/prompts.ts";

/** Reads the secret of a webhook. It is never an argument: every user of the machine can read those. */
export async function readSecret(): Promise<string> {
  const secret = Deno.stdin.isTerminal()
    ? await askForSecret("Secret of the webhook", "give the secret on stdin")
    : (await readStdin()).replace(/\r?\n$/, "");
  if (secret !== "") return secret;
  throw new Failure("Cannot use the secret: it is empty", {
    next: "give it on stdin",
    exit: "usage",
  });
}
