import type { Command } from "commander";
import { needsAddition } from "../client/api_error.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { Failure } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

/** Of a test alert, in the order of its posts. */
const PARTS = ["beginning", "end"] as const;

/** `invoked alerts test`: posts a test alert to the receiver of the server. */
export function register(command: Command): void {
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked alerts test");
  command.action(async ({ json }: { readonly json?: true }) => {
    using api = await server.connect();
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
