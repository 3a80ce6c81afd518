/** Questions to the user at the terminal, on stderr. */
import process from "node:process";
import { Failure, UsageFailure } from "./failure.ts";

/**
 * Asks for a yes.
 *
 * @param instead next step without a terminal
 */
export async function askForYes(message: string, instead: string): Promise<boolean> {
  needTerminal(message, instead);
  const { confirm } = await import("@clack/prompts");
  const answer = await confirm({ message, initialValue: false, output: process.stderr });
  return answer === true;
}

/** Asks for a text. */
export async function askForText(message: string, instead: string): Promise<string> {
  needTerminal(message, instead);
  const { isCancel, text } = await import("@clack/prompts");
  const answer = await text({ message, output: process.stderr });
  if (isCancel(answer)) throw new Failure("Cancelled: nothing was changed");
  return answer ?? "";
}

/** Asks for a value without showing it. */
export async function askForSecret(message: string, instead: string): Promise<string> {
  needTerminal(message, instead);
  const { isCancel, password } = await import("@clack/prompts");
  const answer = await password({ message, output: process.stderr });
  if (isCancel(answer)) throw new Failure("Cancelled: nothing was changed");
  return answer;
}

function needTerminal(message: string, instead: string): void {
  if (Deno.stdin.isTerminal() && Deno.stderr.isTerminal()) return;
  throw new UsageFailure(
    `No answer to ${JSON.stringify(message)}: stdin or stderr is not a terminal`,
    { next: instead },
  );
}
