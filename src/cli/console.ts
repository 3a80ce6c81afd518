/** `invoked console …`. */
import { join } from "node:path";
import { type Command, Option } from "commander";
import { z } from "zod";
import { type Config, readEnvironment, resolveClientSettings } from "../config/mod.ts";
import { findServer } from "./client/credentials.ts";
import { connectTo, readResponse, request } from "./client/http.ts";
import { Session } from "./client/session.ts";
import type { Subcommand } from "./command_entry.ts";
import { addExamples, addJsonOption, type JsonFlag } from "./options/common_options.ts";
import { addServerOptions, type Server } from "./options/server_options.ts";
import { describeError, Failure, oneLine } from "./terminal/failure.ts";
import { note, printJson, showTime } from "./terminal/output.ts";

export const COMMANDS: readonly Subcommand[] = [
  ["link", "Print a link that signs one browser in to the console", registerLink],
];

const Link = z.object({ url: z.string(), expiresAt: z.string() });
type Link = z.output<typeof Link>;

/** `invoked console link`: prints a link that signs a browser in. */
function registerLink(command: Command): void {
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
  command.action(async ({ json, owner }: JsonFlag & { readonly owner?: true }) => {
    const link = owner ? await linkOfOwner(server) : await linkOfClient(server);
    if (json) return printJson(link);
    const whose = owner ? "an owner; the audit log has an entry" : "this client";
    note(`The link works once, until ${showTime(link.expiresAt)}; it acts for ${whose}`);
    console.log(oneLine(link.url));
  });
}

async function linkOfClient(server: Server): Promise<Link> {
  using session = new Session(await server.target());
  const what = "Failed to make a link to the console";
  return await session.call(what, "POST /auth/v1/session_links", Link, { body: {} });
}

/** Asks the server for a link of an owner. It proves with the master key that it runs on the server's host. */
async function linkOfOwner(server: Server): Promise<Link> {
  const { config, url, dataDir } = server.named();
  const { serverUrl } = resolveClientSettings(url, readEnvironment());
  const found = await findServer(dataDir, serverUrl);
  const { signOwnerAssertion } = await import("../domain/sessions/owner_assertion.ts");
  const masterKey = await masterKeyOf(config.identity, found.dataDir ?? config.server.dataDir);
  const assertion = await signOwnerAssertion(masterKey, found.serverUrl);
  const transport = connectTo(found.serverUrl, found.caCerts, false);
  using _client = transport.client;
  const response = await request(transport, "/auth/v1/owner_links", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ assertion }),
  });
  return await readResponse(transport, "Failed to make a link for an owner", response, Link);
}

/** The newest master key, where `invoked keys rotate` finds it, too. */
async function masterKeyOf(
  { masterKey, masterKeyFile }: Config["identity"],
  dataDir: string,
): Promise<Uint8Array> {
  if (masterKey !== undefined) return Buffer.from(masterKey.reveal(), "base64");
  const { masterKeyFileOf, readMasterKeys } = await import("../store/master_key.ts");
  const path = masterKeyFile ?? masterKeyFileOf(dataDir);
  const keys = await readMasterKeys(path).catch((error) => {
    throw new Failure(`Failed to read master key ${path}: ${describeError(error)}`, {
      next: "run the command as the server's user or as root",
    });
  });
  const [newest] = keys ?? [];
  if (newest !== undefined) return newest;
  throw new Failure(`Master key ${path} does not exist`, {
    next: `run the command on the server's host, and name the data directory (--data), the file ` +
      `(--master-key-file) or the key (INVOKED_MASTER_KEY) of the server, such as ${
        join("/var/lib/invoked", "master.key")
      }`,
  });
}
