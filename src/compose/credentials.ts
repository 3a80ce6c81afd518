/**
 * Makes the credentials of a cluster in a directory (0700, secrets 0600), and keeps existing ones:
 * `master.key`, `postgres.password`, `tls/` with a local CA and one certificate for the hosts, and `nats/` with
 * `nats.conf`, `accounts.conf` and the signing keys of roles.
 */
import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import type { Role } from "../cluster/credentials/permissions.ts";
import { makeAccounts, makeNkeyUser, signUser } from "../cluster/credentials/users.ts";
import { selfSignedSource } from "../http/tls/self_signed.ts";
import { exists, writePrivateFile } from "../shared/files.ts";
import { installed } from "../shared/installation.ts";

const MASTER_KEY_BYTES = 32;
const PASSWORD_BYTES = 24;

/**
 * Makes the credentials that every part of an installation shares; keeps existing ones.
 * @param hosts further names and addresses of PostgreSQL and NATS, in addition to this machine's own
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
  const text = await Deno.readTextFile(installed("deploy/nats/nats.conf"));
  const config = text.replace('include "users.conf"', 'include "accounts.conf"')
    .replace(
      /"(server\.(?:pem|key))"/g,
      (_, file) => JSON.stringify(resolve(directory, "tls", file)),
    );
  await Deno.writeTextFile(join(directory, "nats", "nats.conf"), config);
}

/** A user of NATS. */
export interface ClusterUser {
  readonly role: Role;
  readonly name: string;
}

/**
 * Makes the credentials of a cluster; keeps existing ones.
 * @param hosts further names and addresses of PostgreSQL and NATS, in addition to this machine's own
 */
export async function makeCredentials(directory: string, hosts: readonly string[]): Promise<void> {
  await makeShared(directory, hosts);
  await makeAccounts(join(directory, "nats"));
  await writeNatsConfig(directory);
}

/**
 * Signs a user of NATS with the key of its role, and writes the file for `--nats-credentials` (0600).
 * @param keys directory with `<role>.nk` and `account.pub`
 */
export async function signUserFile(
  keys: string,
  { role, name }: ClusterUser,
  file: string,
): Promise<void> {
  const credentials = await signUser(keys, role, name);
  await writePrivateFile(file, new TextDecoder().decode(credentials));
}

/**
 * Makes a user with an NKey, and lists all users of the directory in `users.conf`.
 * @returns the path of its key
 */
export async function addNkeyUser(
  directory: string,
  { role, name }: ClusterUser,
): Promise<string> {
  return await makeNkeyUser(directory, role, name);
}
