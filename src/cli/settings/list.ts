import type { Command } from "commander";
import { describeVolume } from "../client/find.ts";
import { describeTenant } from "../client/function_tenant.ts";
import { describeSettings, SETTING_NAMES } from "../folder/function_settings.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { FUNCTION_ARGUMENT, FUNCTION_HELP, functionOf } from "../options/function_argument.ts";
import { addServerOptions } from "../options/server_options.ts";
import { printJson, printTable } from "../terminal/output.ts";
import { VARIABLE_PREFIX } from "./changes.ts";

/** `invoked settings list`: the settings and variables of a function, and what is in force. */
export function register(command: Command): void {
  command.argument(FUNCTION_ARGUMENT, FUNCTION_HELP);
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked settings list hello");
  command.action(async (functionName: string | undefined, { json }: { readonly json?: true }) => {
    using api = await server.connect();
    const fn = await functionOf(api, functionName);
    const { vfsId, variables, effectiveLimits } = fn;
    if (json) {
      const settings = SETTING_NAMES.map((name) => [name, fn[name]]);
      return printJson({ ...Object.fromEntries(settings), vfsId, variables, effectiveLimits });
    }
    const named = Object.entries(variables);
    const volume = vfsId === "" ? "" : await describeVolume(api, vfsId);
    const tenant = await describeTenant(api, fn);
    printTable(["NAME", "OWN", "IN FORCE"], [
      ...describeSettings(fn).map(([name, own, now]) =>
        name === "tenant" ? [name, tenant, tenant] : [name, own, now]
      ),
      ["volume", volume, volume],
      ...named.map(([name, value]) => [VARIABLE_PREFIX + name, value, value]),
    ], "");
  });
}
