import type { Command } from "commander";
import {
  functionOf,
  REQUIRED_FUNCTION_ARGUMENT,
  REQUIRED_FUNCTION_HELP,
} from "./options/function_argument.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { PRINCIPAL_HELP } from "./options/identity_arguments.ts";
import { addServerOptions } from "./options/server_options.ts";
import { Failure, oneLine } from "./terminal/failure.ts";
import { printJson } from "./terminal/output.ts";

interface Options {
  readonly none?: true;
  readonly json?: true;
}

/** `invoked bind`: lets a function act as a service principal. */
export function register(command: Command): void {
  command
    .argument(REQUIRED_FUNCTION_ARGUMENT, REQUIRED_FUNCTION_HELP)
    .argument("[principal]", PRINCIPAL_HELP)
    .option("--none", "Remove the binding: the function has the roles of its own alone");
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked bind hello reports", "invoked bind hello --none");
  command.action(async (name: string, principalName: string | undefined, options: Options) => {
    const { none, json } = options;
    if ((principalName === undefined) !== (none === true)) {
      throw new Failure("Name a service principal, or give --none to remove the binding", {
        next: "list the principals with invoked principals list",
        exit: "usage",
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
    if (json) {
      return printJson({ functionId: fn.id, servicePrincipalId: principal?.id ?? null });
    }
    const shown = oneLine(fn.displayName);
    console.log(
      principal === undefined
        ? `${shown} is bound to no service principal`
        : `${shown} acts as ${oneLine(principal.displayName)}`,
    );
  });
}
