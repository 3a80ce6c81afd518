import { script } from "@bomb.sh/tab";
import { Argument, type Command } from "commander";

const SHELLS = ["bash", "zsh", "fish", "powershell"];

/** `invoked completions`: the script of a shell. */
export function register(command: Command): void {
  command.addArgument(new Argument("<shell>", "Shell of the script").choices(SHELLS));
  command.action((shell: string) => console.log(repeatable(scriptOf(shell, "invoked"))));
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
