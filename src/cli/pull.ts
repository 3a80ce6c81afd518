import type { Command } from "commander";
import { addExamples, addJsonOption, type YesFlags } from "./options/common_options.ts";
import { COMMIT_HELP, FUNCTION } from "./options/function_argument.ts";
import { tenantOption } from "./options/tenant_options.ts";

interface Options extends YesFlags {
  readonly tenant: string;
  readonly commit?: string;
}

/** `invoked pull`: writes the function of a tenant into a folder. */
export function register(command: Command): void {
  command
    .argument(...FUNCTION)
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
