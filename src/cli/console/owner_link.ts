import { join } from "node:path";
import { z } from "zod";
import { type Config, readEnvironment, resolveClientSettings } from "../../config/mod.ts";
import { findServer } from "../client/credentials.ts";
import { readResponse, request, type Transport } from "../client/http.ts";
import { Names } from "../client/names.ts";
import { describeError, Failure } from "../terminal/failure.ts";

export const Link = z.object({ url: z.string(), expiresAt: z.string() });
const OWNER_LINKS = "/auth/v1/owner_links";

/**
 * Asks the server for a link of an owner. It proves with the master key that it runs on the server's host.
 * @param given the URL of `--server`
 * @param dataDir of the server
 */
export async function ownerLink(
  { server, identity }: Config,
  given: string | undefined,
  dataDir: Parameters<typeof findServer>[0],
): Promise<z.output<typeof Link>> {
  const { serverUrl } = resolveClientSettings(given, readEnvironment());
  const found = await findServer(dataDir, serverUrl);
  const { signOwnerAssertion } = await import("../../domain/sessions/owner_assertion.ts");
  const masterKey = await masterKeyOf(identity, found.dataDir ?? server.dataDir);
  const assertion = await signOwnerAssertion(masterKey, found.serverUrl);
  using client = Deno.createHttpClient({ caCerts: [...found.caCerts] });
  const transport: Transport = {
    url: found.serverUrl,
    isTenant: false,
    client,
    names: new Names(),
  };
  const response = await request(transport, OWNER_LINKS, {
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
  const { masterKeyFileOf, readMasterKeys } = await import("../../store/master_key.ts");
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
