/** The Secrets and the ConfigMap of `deploy/kubernetes`, from what `invoked cluster credentials` made. */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { DatabaseUrl } from "../config/mod.ts";
import { namesOf } from "../http/tls/self_signed.ts";

/** Where pods mount the ConfigMap `invoked-ca`. */
export const CA_DIRECTORY = "/etc/invoked/ca";
/** The CA of a PostgreSQL outside of the manifests, in that ConfigMap. */
export const DATABASE_CA = "database.pem";
/** The Service of deploy/kubernetes/demo. */
const DEMO_HOST = "invoked-postgres";
const DEMO_URL = `postgres://invoked@${DEMO_HOST}/invoked?sslmode=verify-full` +
  `&sslrootcert=${CA_DIRECTORY}/ca.pem`;
const NATS_SERVERS = [0, 1, 2].map((index) => `invoked-nats-${index}.invoked-nats-servers`);
/** Names by which clients and servers of NATS reach each other in the manifests. */
const HOSTS = ["invoked-nats", ...NATS_SERVERS];

/** An object of Kubernetes. */
interface KubernetesObject {
  readonly apiVersion: "v1";
  readonly kind: "Secret" | "ConfigMap";
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly stringData?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, string>>;
}

/** A list that `kubectl apply` accepts. */
interface KubernetesList {
  readonly apiVersion: "v1";
  readonly kind: "List";
  readonly items: readonly KubernetesObject[];
}

/** The credentials cannot be used in pods; the message says why, and what to do. */
export class UnusableCredentials extends Error {
  override name = "UnusableCredentials";
}

/** What an installation decides. */
interface SecretsOptions {
  readonly namespace: string;
  /** A PostgreSQL outside of the manifests; undefined for that of the demo. */
  readonly database: {
    /** Without a password; its `sslrootcert` is {@link DATABASE_CA} in pods if `ca` is given. */
    readonly url: DatabaseUrl;
    /** PEM; undefined for public authorities. */
    readonly ca: string | undefined;
  } | undefined;
}

/**
 * Reads the directory and describes its content for pods.
 * @throws UnusableCredentials if a file is missing, or a certificate has expired or lacks a name of the manifests
 */
export async function kubernetesSecrets(
  directory: string,
  { namespace, database }: SecretsOptions,
): Promise<KubernetesList> {
  const read = (name: string) => readMade(directory, name);
  const tls = async (name: string) => ({
    [`${name}.pem`]: await read(`tls/${name}.pem`),
    [`${name}.key`]: await read(`tls/${name}.key`),
  });
  const ca = { "ca.pem": await read("tls/ca.pem") };
  const authorities = database?.ca === undefined ? ca : { ...ca, [DATABASE_CA]: database.ca };
  const [server, route] = [await tls("server"), await tls("route")];
  const needed = database === undefined ? [...HOSTS, DEMO_HOST] : HOSTS;
  check(directory, "server.pem", server["server.pem"] ?? "", needed);
  check(directory, "route.pem", route["route.pem"] ?? "", NATS_SERVERS);
  const signing = async (role: string) => ({
    [`${role}.nk`]: await read(`nats/${role}.nk`),
    "account.pub": await read("nats/account.pub"),
  });
  const password = (await read("postgres.password")).trim();
  const secrets = {
    "invoked-database": {
      url: database?.url.toFullString() ?? DEMO_URL,
      password,
    },
    "invoked-master-key": { "master.key": await read("master.key") },
    "invoked-nats": {
      "accounts.conf": await read("nats/accounts.conf"),
      ...server,
      ...route,
      ...ca,
    },
    "invoked-nats-api": await signing("api"),
    "invoked-nats-worker": await signing("worker"),
    ...database === undefined ? { "invoked-postgres-tls": server } : {},
  };
  const metadata = (name: string) => ({ name, namespace });
  return {
    apiVersion: "v1",
    kind: "List",
    items: [
      ...Object.entries(secrets).map(([name, stringData]) => ({
        apiVersion: "v1" as const,
        kind: "Secret" as const,
        metadata: metadata(name),
        stringData,
      })),
      { apiVersion: "v1", kind: "ConfigMap", metadata: metadata("invoked-ca"), data: authorities },
    ],
  };
}

async function readMade(directory: string, name: string): Promise<string> {
  const path = join(directory, name);
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnusableCredentials(
      `Failed to read ${path}: ${reason}; make the credentials with invoked cluster credentials ${directory}`,
    );
  }
}

function check(directory: string, name: string, cert: string, needed: readonly string[]): void {
  const path = join(directory, "tls", name);
  const again = `run invoked cluster credentials ${directory}`;
  const { validToDate } = new X509Certificate(cert);
  if (validToDate.getTime() < Date.now()) {
    const date = validToDate.toISOString().slice(0, 10);
    throw new UnusableCredentials(`Certificate ${path} expired on ${date}; ${again} to renew it`);
  }
  const names = namesOf(cert);
  const missing = needed.filter((host) => !names.includes(host));
  if (missing.length === 0) return;
  throw new UnusableCredentials(
    `Certificate ${path} does not name ${missing.join(", ")}; ${again} ${missing.join(" ")}`,
  );
}
