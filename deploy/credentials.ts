/**
 * Makes the credentials of an installation in a directory (0700, secrets 0600), and keeps those that are there:
 * `master.key`, `postgres.password`, `tls/` with a local CA and one certificate for the hosts, and `nats/` with
 * `nats.conf`, `accounts.conf` and the signing keys of roles.
 */
import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { selfSignedSource } from "../src/http/tls/self_signed.ts";
import { exists, writePrivateFile } from "../src/shared/files.ts";
import { makeAccounts } from "./nats/users.ts";

const MASTER_KEY_BYTES = 32;
const PASSWORD_BYTES = 24;

/**
 * Makes what every part of an installation shares; keeps what is there.
 * @param hosts names and addresses of PostgreSQL and NATS besides those of this machine
 */
export async function makeShared(directory: string, hosts: readonly string[]): Promise<void> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  await keep(
    join(directory, "master.key"),
    () => `${randomBytes(MASTER_KEY_BYTES).toString("base64")}\n`,
  );
  await keep(
    join(directory, "postgres.password"),
    () => randomBytes(PASSWORD_BYTES).toString("hex"),
  );
  await (await selfSignedSource(join(directory, "tls"), hosts)).load();
}

async function keep(file: string, make: () => string): Promise<void> {
  if (!await exists(file)) await writePrivateFile(file, make());
}

/** The configuration of a nats-server whose certificate is beside its directory. */
async function writeNatsConfig(directory: string): Promise<void> {
  const text = await Deno.readTextFile(new URL("nats/nats.conf", import.meta.url));
  const config = text.replace('include "users.conf"', 'include "accounts.conf"')
    .replace(
      /"(server\.(?:pem|key))"/g,
      (_, file) => JSON.stringify(resolve(directory, "tls", file)),
    );
  await Deno.writeTextFile(join(directory, "nats", "nats.conf"), config);
}

if (import.meta.main) {
  const [directory, ...hosts] = Deno.args;
  if (directory === undefined || directory.startsWith("-")) {
    console.error("usage: deploy/credentials DIRECTORY [HOST...]");
    Deno.exit(2);
  }
  await makeShared(directory, hosts);
  await makeAccounts(join(directory, "nats"));
  await writeNatsConfig(directory);
}
