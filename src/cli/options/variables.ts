import { type Command, Option } from "commander";
import { oneLine, UsageFailure } from "../terminal/failure.ts";

/** `--var`, which can be repeated. */
export function addVarOption(command: Command, description: string): void {
  command.addOption(
    new Option("--var <NAME=VALUE>", `${description}; can be repeated`)
      .argParser((text, earlier: Record<string, string> = {}) => ({
        ...earlier,
        ...Object.fromEntries([pairIn("--var", text)]),
      })),
  );
}

/** The name and value in NAME=VALUE. @param what has the text, such as `--var` */
export function pairIn(what: string, text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageFailure(`Invalid ${what}: ${JSON.stringify(oneLine(text))} is not NAME=VALUE`, {
    next: "write the name, an equals sign and the value",
  });
}
