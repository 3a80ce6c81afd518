import { Failure } from "../terminal/failure.ts";
import { askForSecret } from "../terminal/prompts.ts";
import { readStdin } from "./input.ts";

/**
 * The secret of a client, from stdin or a prompt of a terminal. It is never an argument: every user can read arguments. One
 * line break at the end, as echo adds it, is not part of the secret.
 */
export async function readClientSecret(): Promise<string> {
  const secret = Deno.stdin.isTerminal()
    ? await askForSecret("Client secret", "give the secret on stdin")
    : (await readStdin()).replace(/\r?\n$/, "");
  if (secret !== "") return secret;
  throw new Failure("The client secret is empty", {
    next: "give it on stdin, or at the prompt of a terminal",
    exit: "usage",
  });
}
