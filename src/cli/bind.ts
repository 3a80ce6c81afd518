import type { Command } from "commander";
import { addApiOptions } from "./options/api_command.ts";
import { functionOf, REQUIRED_FUNCTION } from "./options/function_argument.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { PRINCIPAL } from "./options/identity_arguments.ts";
import { oneLine, UsageFailure } from "./terminal/failure.ts";
import { printResult } from "./terminal/output.ts";

interface Options extends JsonFlag {
  readonly none?: true;
}

/** `invoked bind`: lets a function act as a service principal. */
export function register(command: Command): void {
  command
    .argument(...REQUIRED_FUNCTION)
    .argument("[principal]", PRINCIPAL[1])
    .option("--none", "Remove the binding: the function has the roles of its own alone");
  const server = addApiOptions(command, "invoked bind hello reports", "invoked bind hello --none");
  command.action(async (name: string, principalName: string | undefined, options: Options) => {
    const { none, json } = options;
    if ((principalName === undefined) !== (none === true)) {
      throw new UsageFailure("Name a service principal, or give --none to remove the binding", {
        next: "list the principals with invoked principals list",
      });
    }
    using api = await server.connect();
    const fn = await functionOf(api, name);
    const principal = principalName === undefined
      ? undefined
      : await api.principals.find(principalName);
    if (principal !== undefined) await api.principals.bind(principal, fn.id);
    else {
      const bound = await api.principals.boundTo(fn.id);
      if (bound !== undefined) await api.principals.unbind(bound, fn.id);
    }
    const state = principal === undefined
      ? "is bound to no service principal"
      : `acts as ${oneLine(principal.displayName)}`;
    const bound = { functionId: fn.id, servicePrincipalId: principal?.id ?? null };
    printResult(json, bound, `${oneLine(fn.displayName)} ${state}`);
  });
}
