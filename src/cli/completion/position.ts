import type { Argument, Command, Option } from "commander";

/** A word that a shell offers. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** Where the next word belongs. */
export interface Position {
  readonly command: Command;
  /** The option whose value it is. */
  readonly option: Option | undefined;
  /** The argument that it is, unless it is a flag. */
  readonly argument: Argument | undefined;
  /** Whether it may name a command. */
  readonly isFirst: boolean;
  /** The arguments so far. */
  readonly given: readonly string[];
  /** The values of options so far, by the name of their attribute. */
  readonly values: ReadonlyMap<string, string>;
}

/** The position after the words. */
export function positionAfter(program: Command, words: readonly string[]): Position {
  let command = program;
  let option: Option | undefined;
  const given: string[] = [];
  const values = new Map<string, string>();
  for (const word of words) {
    const isFlag = word.startsWith("-") && word !== "-";
    if (option?.required || (option?.optional && !isFlag)) {
      values.set(option.attributeName(), word);
      option = undefined;
    } else if (isFlag) {
      const [flag = "", value] = word.split("=", 2);
      option = findOption(command, flag);
      if (option === undefined || value === undefined) continue;
      values.set(option.attributeName(), value);
      option = undefined;
    } else {
      const below = given.length === 0 ? findCommand(command, word) : undefined;
      if (below === undefined) given.push(word);
      command = below ?? command;
    }
  }
  const takesValue = option?.required || option?.optional;
  const last = command.registeredArguments.at(-1);
  return {
    command,
    option: takesValue ? option : undefined,
    argument: command.registeredArguments[given.length] ?? (last?.variadic ? last : undefined),
    isFirst: given.length === 0,
    given,
    values,
  };
}

function findCommand({ commands }: Command, name: string): Command | undefined {
  return commands.find((command) => command.name() === name);
}

/** The option of a flag. */
export function findOption({ options }: Command, flag: string): Option | undefined {
  return options.find(({ long, short }) => flag === long || flag === short);
}
