import type { Command } from "commander";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import {
  functionOf,
  REQUIRED_FUNCTION_ARGUMENT,
  REQUIRED_FUNCTION_HELP,
} from "../options/function_argument.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure, oneLine } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";
import { keptSecrets } from "./kept_secrets.ts";

/** `invoked secrets unset`: removes secrets. */
export function register(command: Command): void {
  command
    .argument(REQUIRED_FUNCTION_ARGUMENT, REQUIRED_FUNCTION_HELP)
    .argument("<secret...>", "Names of the secrets");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked secrets unset hello API_KEY");
  command.action(
    async (functionName: string, names: string[], { json }: { readonly json?: true }) => {
      using api = await server.connect();
      const fn = await functionOf(api, functionName);
      const shown = names.map(oneLine).join(", ");
      const unknown = names.filter((name) => !fn.secret.includes(name)).map(oneLine);
      if (unknown.length > 0) {
        throw new Failure(
          `Nothing was removed: ${fn.displayName} has no secret ${unknown.join(", ")}`,
          { next: "list them with invoked secrets list" },
        );
      }
      const kept = Object.entries(keptSecrets(fn)).filter(([name]) => !names.includes(name));
      await api.updateFunction(fn, { secret: Object.fromEntries(kept) });
      if (json) printJson({ functionId: fn.id, removed: names });
      else console.log(`Removed ${shown} of ${oneLine(fn.displayName)}`);
    },
  );
}
