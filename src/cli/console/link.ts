import type { Command } from "commander";
import { z } from "zod";
import { Session } from "../client/session.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions } from "../options/server_options.ts";
import { note, printJson, showTime } from "../terminal/output.ts";
import { oneLine } from "../terminal/failure.ts";

const LINKS = "/auth/v1/session_links";
const Link = z.object({ url: z.string(), expiresAt: z.string() });

/** `invoked console link`: prints a link that signs a browser in. */
export function register(command: Command): void {
  const server = addServerOptions(command);
  addJsonOption(command);
  addExamples(command, "invoked console link");
  command.action(async ({ json }: { readonly json?: true }) => {
    using session = new Session(await server.target());
    const what = "Failed to make a link to the console";
    const link = await session.call(what, `POST ${LINKS}`, Link, { body: {} });
    if (json) return printJson(link);
    note(`The link works once, until ${showTime(link.expiresAt)}; it acts for this client`);
    console.log(oneLine(link.url));
  });
}
