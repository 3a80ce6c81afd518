import type { CommanderError } from "commander";
import { Failure, oneLine } from "./failure.ts";

const HELP = "run the command with --help for its arguments and options";
/** Faults by the text of the argument parser, each with its message. */
const FAULTS: readonly (readonly [text: RegExp, message: (...parts: string[]) => string])[] = [
  [/^unknown command '(.*)'/s, (name) => `Cannot run ${JSON.stringify(name)}: it is not a command`],
  [/^unknown option '(.*)'/s, (flag) => `Cannot use ${flag}: it is not an option of this command`],
  [/^missing required argument '(.*)'/s, (name) => `Cannot run the command: ${name} is missing`],
  [/^option '(.*)' argument missing/s, (flag) => `Cannot use ${flag}: its value is missing`],
  [
    /^too many arguments.*?: (.*)\.$/s,
    (given) => `Cannot run the command: too many arguments: ${given}`,
  ],
  [
    /^option '(-\S+).*?' argument '(.*)' is invalid\. Allowed choices are (.*)\.$/s,
    (flag, value, choices) =>
      `Cannot use ${flag}: ${JSON.stringify(value)} is not one of ${choices}`,
  ],
  [
    /^command-argument value '(.*)' is invalid for argument '(.*)'\. Allowed choices are (.*)\.$/s,
    (value, name, choices) =>
      `Cannot use ${name}: ${JSON.stringify(value)} is not one of ${choices}`,
  ],
];
const SUGGESTION = /\n\(Did you mean (?:one of )?(.*)\?\)$/s;

/** The failure of a command line that the argument parser rejects, in the words of other failures. */
export function parserFailure({ message }: CommanderError): Failure {
  const text = message.replace(/^error: /, "");
  const fault = text.replace(SUGGESTION, "");
  const suggestion = SUGGESTION.exec(text)?.[1];
  const next = suggestion === undefined ? HELP : `did you mean ${suggestion}? Or ${HELP}`;
  for (const [pattern, messageOf] of FAULTS) {
    const [whole, ...parts] = pattern.exec(fault) ?? [];
    if (whole !== undefined) {
      return new Failure(messageOf(...parts.map(oneLine)), { next, exit: "usage" });
    }
  }
  return new Failure(`Cannot run the command: ${oneLine(fault)}`, { next, exit: "usage" });
}
