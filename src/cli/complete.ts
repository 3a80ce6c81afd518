import { ShellCompDirective } from "@bomb.sh/tab";
import type { Argument, Command, Option } from "commander";

/** `invoked complete`: what a shell offers for the last of the words. The script of the shell runs it. */
export function register(command: Command): void {
  command.argument("[words...]").action((words: string[]) => {
    if (command.parent === null) return;
    for (const { value, description } of candidatesFor(command.parent, words)) {
      console.log(`${value}\t${description}`);
    }
    console.log(`:${ShellCompDirective.ShellCompDirectiveNoFileComp}`);
  });
}

interface Candidate {
  readonly value: string;
  readonly description: string;
}

function candidatesFor(program: Command, words: readonly string[]): readonly Candidate[] {
  const last = words.at(-1) ?? "";
  const { command, option, argument, isFirst } = positionAfter(program, words.slice(0, -1));
  const startsWith = (start: string) => ({ value }: Candidate) => value.startsWith(start);
  if (option !== undefined) return choicesOf(option).filter(startsWith(last));
  const [flag = "", value] = last.split("=", 2);
  if (value !== undefined && flag.startsWith("-")) {
    return choicesOf(findOption(command, flag)).filter(startsWith(value));
  }
  if (last.startsWith("-")) return flagsOf(command).filter(startsWith(last));
  const commands = isFirst ? commandsOf(command) : [];
  return [...commands, ...choicesOf(argument)].filter(startsWith(last));
}

/** Where the next word belongs. */
interface Position {
  readonly command: Command;
  /** The option whose value it is. */
  readonly option: Option | undefined;
  /** The argument that it is, unless it is a flag. */
  readonly argument: Argument | undefined;
  /** Whether it may name a command. */
  readonly isFirst: boolean;
}

function positionAfter(program: Command, words: readonly string[]): Position {
  let command = program;
  let option: Option | undefined;
  let index = 0;
  for (const word of words) {
    const isFlag = word.startsWith("-") && word !== "-";
    if (option?.required || (option?.optional && !isFlag)) {
      option = undefined;
    } else if (isFlag) {
      option = word.includes("=") ? undefined : findOption(command, word);
    } else {
      const below = index === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (below === undefined) index += 1;
      command = below ?? command;
    }
  }
  const takesValue = option?.required || option?.optional;
  const last = command.registeredArguments.at(-1);
  const argument = command.registeredArguments[index] ?? (last?.variadic ? last : undefined);
  return { command, option: takesValue ? option : undefined, argument, isFirst: index === 0 };
}

function findOption({ options }: Command, flag: string): Option | undefined {
  return options.find(({ long, short }) => flag === long || flag === short);
}

function choicesOf(given: Option | Argument | undefined): Candidate[] {
  return (given?.argChoices ?? []).map((value) => ({ value, description: "" }));
}

function flagsOf(command: Command): Candidate[] {
  return command.createHelp().visibleOptions(command)
    .flatMap(({ long, description }) => long ? [{ value: long, description }] : []);
}

function commandsOf(command: Command): Candidate[] {
  return command.createHelp().visibleCommands(command)
    .map((one) => ({ value: one.name(), description: one.description() }));
}
