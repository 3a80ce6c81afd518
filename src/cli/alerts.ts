/** `invoked alerts …`. */
import type { Command } from "commander";
import { needsAddition } from "./client/api_error.ts";
import type { Subcommand } from "./command_entry.ts";
import { addApiAction } from "./options/api_command.ts";
import type { JsonFlag } from "./options/common_options.ts";
import { Failure } from "./terminal/failure.ts";
import { note, printJson, printTable, showTime } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["list", "List the alerts that fire, oldest first", registerList],
  ["test", "Post a test alert to the receiver of the server; print the answers", registerTest],
];

/** Of a test alert, in the order of its posts. */
const PARTS = ["beginning", "end"] as const;

/** `invoked alerts list`: the alerts that fire. */
function registerList(command: Command): void {
  const examples = ["invoked alerts list", "invoked alerts list --json"];
  addApiAction(command, examples, async (api, { json }: JsonFlag) => {
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

/** `invoked alerts test`: posts a test alert to the receiver of the server. */
function registerTest(command: Command): void {
  addApiAction(command, ["invoked alerts test"], async (api, { json }: JsonFlag) => {
    const posts = await needsAddition("alerts", api.alerts.test());
    if (json) printJson({ posts });
    for (const [at, { status, error }] of posts.entries()) {
      const what = `The ${PARTS[at] ?? "end"} of a test alert`;
      if (error !== undefined) {
        throw new Failure(`${what} was not posted: ${error}`, {
          next: "correct --alert-url or the receiver, and run invoked alerts test again",
        });
      }
      if (!json) console.log(`${what} was posted: the receiver answered ${status}`);
    }
  });
}
