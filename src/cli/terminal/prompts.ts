/** Questions to the person at the terminal; they are asked on stderr. */
import process from "node:process";
import { confirm, isCancel, password } from "@clack/prompts";
import { Failure } from "./failure.ts";

/**
 * Asks for a yes.
 *
 * @param instead what to do where there is nobody to ask
 */
export async function askForYes(message: string, instead: string): Promise<boolean> {
  needTerminal(message, instead);
  const answer = await confirm({ message, initialValue: false, output: process.stderr });
  return answer === true;
}

/** Asks for a value that is not shown while it is typed. */
export async function askForSecret(message: string, instead: string): Promise<string> {
  needTerminal(message, instead);
  const answer = await password({ message, output: process.stderr });
  if (isCancel(answer)) throw new Failure("Cancelled: nothing was changed");
  return answer;
}

/** Whether somebody can be asked. */
function canAsk(): boolean {
  return Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
}

function needTerminal(message: string, instead: string): void {
  if (canAsk()) return;
  throw new Failure(`Cannot ask ${JSON.stringify(message)}: this is no terminal`, {
    next: instead,
    exit: "usage",
  });
}
