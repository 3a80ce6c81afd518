import { type Command, Option } from "commander";
import type { z } from "zod";
import { Session } from "../client/session.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addServerOptions, type Server } from "../options/server_options.ts";
import { note, printJson, showTime } from "../terminal/output.ts";
import { oneLine } from "../terminal/failure.ts";
import { Link, ownerLink } from "./owner_link.ts";

const LINKS = "/auth/v1/session_links";

/** `invoked console link`: prints a link that signs a browser in. */
export function register(command: Command): void {
  const server = addServerOptions(command, ["identity.masterKeyFile"]);
  addJsonOption(command);
  command.addOption(
    new Option("--owner", "Sign in as an owner, by the master key on the server's host")
      .conflicts("profile"),
  );
  addExamples(
    command,
    "invoked console link",
    "invoked console link --owner --data /var/lib/invoked",
  );
  command.action(async ({ json, owner }: { readonly json?: true; readonly owner?: true }) => {
    const link = owner ? await linkOfOwner(server) : await linkOfClient(server);
    if (json) return printJson(link);
    const whose = owner ? "an owner; the audit log has an entry" : "this client";
    note(`The link works once, until ${showTime(link.expiresAt)}; it acts for ${whose}`);
    console.log(oneLine(link.url));
  });
}

async function linkOfClient(server: Server): Promise<z.output<typeof Link>> {
  using session = new Session(await server.target());
  return await session.call("Failed to make a link to the console", `POST ${LINKS}`, Link, {
    body: {},
  });
}

async function linkOfOwner(server: Server): Promise<z.output<typeof Link>> {
  const { config, url, dataDir } = server.named();
  return await ownerLink(config, url, dataDir);
}
