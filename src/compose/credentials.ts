/**
 * Makes the credentials of a cluster in a directory (0700, secrets 0600), and keeps existing ones:
 * `master.key`, `postgres.password`, `tls/` with a local CA and certificates for the hosts, and `nats/` with `nats.conf`,
 * `accounts.conf` and the signing keys of roles.
 */
import { randomBytes, X509Certificate } from "node:crypto";
import { join, resolve } from "node:path";
import type { Role } from "../cluster/credentials/permissions.ts";
import { makeAccounts, makeNkeyUser, signUser } from "../cluster/credentials/users.ts";
import { type CertificateUse, selfSignedSource } from "../http/tls/self_signed.ts";
import { exists, writePrivateFile } from "../shared/files.ts";
import { installed } from "../shared/installation.ts";

const MASTER_KEY_BYTES = 32;
const PASSWORD_BYTES = 24;
/** Someone has to run the command again to renew the certificates: there are four months for that. */
const LIFETIME_MS = 365 * 24 * 60 * 60 * 1000;

/** The certificate of PostgreSQL and of NATS for its clients. */
const SERVER: CertificateUse = {
  name: "server",
  isClientToo: false,
  lifetimeMs: LIFETIME_MS,
  keepsNames: true,
};
/** The certificate of servers of NATS for each other. Only its owner can join them: PostgreSQL does not have it. */
const ROUTE: CertificateUse = { ...SERVER, name: "route", isClientToo: true };

/**
 * Makes the credentials that every part of an installation shares; keeps existing ones. A certificate is made again if a
 * third of its life is left, or if it lacks one of the hosts; the new one also has the names of the old one.
 * @param hosts further names and addresses of PostgreSQL and NATS, in addition to this machine's own
 * @returns the certificate of PostgreSQL and NATS
 */
export async function makeShared(directory: string, hosts: readonly string[]) {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  await keep(
    join(directory, "master.key"),
    () => `${randomBytes(MASTER_KEY_BYTES).toString("base64")}\n`,
  );
  await keep(
    join(directory, "postgres.password"),
    () => randomBytes(PASSWORD_BYTES).toString("hex"),
  );
  return await loadCertificate(directory, hosts, SERVER);
}

async function loadCertificate(directory: string, hosts: readonly string[], use: CertificateUse) {
  return await (await selfSignedSource(join(directory, "tls"), hosts, use)).load();
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
 * @returns when the first of the certificates expires
 */
export async function makeCredentials(directory: string, hosts: readonly string[]): Promise<Date> {
  const server = await makeShared(directory, hosts);
  const route = await loadCertificate(directory, hosts, ROUTE);
  await makeAccounts(join(directory, "nats"));
  await writeNatsConfig(directory);
  const ends = [server, route].map(({ cert }) => new X509Certificate(cert));
  return new Date(Math.min(...ends.map(({ validToDate }) => validToDate.getTime())));
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
