import type { Command } from "commander";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { COMMIT_HELP, FUNCTION_ARGUMENT, FUNCTION_HELP } from "./options/function_argument.ts";
import { tenantOption } from "./options/tenant_options.ts";

interface Options {
  readonly tenant: string;
  readonly commit?: string;
  readonly yes?: true;
  readonly json?: true;
}

/** `invoked pull`: writes the function of a tenant into a folder. */
export function register(command: Command): void {
  command
    .argument(FUNCTION_ARGUMENT, FUNCTION_HELP)
    .argument("[folder]", "The folder; it need not exist", ".")
    .addOption(tenantOption().makeOptionMandatory())
    .option("--commit <COMMIT>", COMMIT_HELP)
    .option("--yes", "Overwrite files that differ; without it nothing is written then");
  addJsonOption(command);
  addExamples(
    command,
    "invoked pull --tenant acme hello",
    "invoked pull --tenant acme hello ./hello --commit v1 --yes",
  );
  command.action(
    async (name: string | undefined, folder: string, { commit = "HEAD", ...options }: Options) => {
      const { pullFromTenant } = await import("./tenant_functions/pull.ts");
      await pullFromTenant(name, folder, { ...options, commit });
    },
  );
}
