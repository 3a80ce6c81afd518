import type { Command } from "commander";

/** Adds arguments, flags, examples and the action to a command. */
export type Register = (command: Command) => void | Promise<void>;

/** A command below another one: its name, its line in the help, and what it does or the commands below it. */
export type Subcommand = readonly [
  name: string,
  description: string,
  content: Register | readonly Subcommand[],
];

/** What the module of a command exports: the command itself, or the commands below it. */
type CommandModule =
  | { register(command: Command): void }
  | { readonly COMMANDS: readonly Subcommand[] };

/** A command of the first level: its name, its line in the help, and its module. */
export type CommandEntry<Name extends string = string> = readonly [
  name: Name,
  description: string,
  load: () => Promise<CommandModule>,
];
