import type { CommanderError } from "commander";
import { Failure, oneLine, UsageFailure } from "./failure.ts";

const HELP = "run the command with --help for its arguments and options";
/** Violations by the text of the argument parser, each with its message. */
const VIOLATIONS: readonly (readonly [text: RegExp, message: (...parts: string[]) => string])[] = [
  [/^unknown command '(.*)'/s, (name) => `Unknown command ${JSON.stringify(name)}`],
  [/^unknown option '(.*)'/s, (flag) => `Unknown option ${flag}`],
  [/^missing required argument '(.*)'/s, (name) => `Missing argument: ${name}`],
  [/^option '(.*)' argument missing/s, (flag) => `Option ${flag} needs a value`],
  [
    /^too many arguments.*?: (.*)\.$/s,
    (given) => `Too many arguments: ${given}`,
  ],
  [
    /^option '(-\S+).*?' argument '(.*)' is invalid\. Allowed choices are (.*)\.$/s,
    (flag, value, choices) => `Invalid ${flag}: ${JSON.stringify(value)} is not one of ${choices}`,
  ],
  [
    /^command-argument value '(.*)' is invalid for argument '(.*)'\. Allowed choices are (.*)\.$/s,
    (value, name, choices) => `Invalid ${name}: ${JSON.stringify(value)} is not one of ${choices}`,
  ],
];
const SUGGESTION = /\n\(Did you mean (?:one of )?(.*)\?\)$/s;

/** The failure of a command line that the argument parser rejects, in the words of other failures. */
export function parserFailure({ message }: CommanderError): Failure {
  const text = message.replace(/^error: /, "");
  const violation = text.replace(SUGGESTION, "");
  const suggestion = SUGGESTION.exec(text)?.[1];
  const next = suggestion === undefined ? HELP : `did you mean ${suggestion}? Or ${HELP}`;
  for (const [pattern, messageOf] of VIOLATIONS) {
    const [whole, ...parts] = pattern.exec(violation) ?? [];
    if (whole !== undefined) {
      return new UsageFailure(messageOf(...parts.map(oneLine)), { next });
    }
  }
  return new UsageFailure(`Invalid command: ${oneLine(violation)}`, { next });
}
