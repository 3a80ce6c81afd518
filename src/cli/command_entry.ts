import type { Command } from "commander";

/** What the module of a command exports. */
interface CommandModule {
  /** Adds arguments, flags, examples and the action to the command. */
  register(command: Command): void;
}

/** A command: its name, its line in the help, and its module or the commands below it. */
export type CommandEntry<Name extends string = string> = readonly [
  name: Name,
  description: string,
  content: (() => Promise<CommandModule>) | readonly CommandEntry[],
];
