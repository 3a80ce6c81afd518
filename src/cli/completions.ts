import { script } from "@bomb.sh/tab";
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

const COMMAND = "completions";

/** `invoked completions`: the script of a shell. It is registered after all other commands, which it reads. */
export function registerCompletions(program: Command): void {
  tab(program, { completionCommandName: COMMAND });
  program.commands.find((command) => command.name() === COMMAND)
    ?.action((shell: string) => console.log(repeatable(scriptOf(shell, program.name()))));
}

/** The library prints the script and has no function that returns it. */
function scriptOf(shell: string, name: string): string {
  const { log } = console;
  let text = "";
  console.log = (part) => text += part;
  try {
    script(shell, name, name);
  } finally {
    console.log = log;
  }
  return text;
}

/** Bash reports an error for a constant that another script, or this one, has set before. */
function repeatable(text: string): string {
  return text.replace(
    /^readonly (ShellCompDirective\w+)=(\d+)$/gm,
    '[[ -n "${$1:-}" ]] || $1=$2',
  );
}
