import type { Command } from "commander";
import { needsAddition } from "../client/api_error.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { note, printJson, printTable, showTime } from "../terminal/output.ts";

/** `invoked alerts list`: the alerts that fire. */
export function register(command: Command): void {
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked alerts list", "invoked alerts list --json");
  command.action(async ({ json }: { readonly json?: true }) => {
    using api = await server.connect();
    const answer = await needsAddition("alerts", api.alerts.list());
    if (json) return printJson(answer);
    printTable(
      ["ALERT", "SEVERITY", "SINCE", "SUMMARY"],
      answer.list.map(({ name, severity, startsAt, summary }) => [
        name,
        severity,
        showTime(startsAt),
        summary,
      ]),
      "No alert fires",
    );
    const { isPosted, failing } = answer;
    if (failing !== undefined) {
      note(`Alerts have not been posted since ${showTime(failing.since)}: ${failing.error}`);
    } else if (!isPosted) {
      note("The server posts no alerts; see --alert-url of invoked serve");
    }
  });
}
