/** API nodes and workers as processes of this machine. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answersOk } from "./network.ts";
import type { Program } from "./processes.ts";

const INVOKED = fileURLToPath(new URL("../../bin/invoked", import.meta.url));
/** The last line of what a first start prints. */
const WELCOME_END = /^curl .*\n/m;
const WORKER_READY = /ready with \d+ slots/;

/** What API nodes and workers have in common. */
interface NatsAccess {
  readonly url: string;
  /** Certificates that the servers of NATS have. */
  readonly caFile: string;
  readonly credentialsFile: string;
}

export interface NodeOptions {
  readonly name: string;
  readonly dataDir: string;
  readonly port: number;
  /** Where clients reach the load balancer. */
  readonly publicUrl: string;
  readonly databaseUrl: string;
  readonly passwordFile: string;
  readonly masterKeyFile: string;
  readonly nats: NatsAccess;
}

/** The settings that commands on this machine share with an API node, by the names of their flags. */
function sharedSettings(
  { dataDir, databaseUrl, passwordFile, masterKeyFile, nats }: NodeOptions,
): Readonly<Record<string, string>> {
  return {
    data: dataDir,
    database: databaseUrl,
    "database-password-file": passwordFile,
    "master-key-file": masterKeyFile,
    ...natsSettings(nats),
  };
}

/** The variables with which commands use the cluster with the first credentials, and administer it. */
export function commandVariables(options: NodeOptions): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(sharedSettings(options)).map(([name, value]) =>
      [`INVOKED_${name.toUpperCase().replaceAll("-", "_")}`, value] as const
    ),
  );
}

/** An API node that runs no invocations itself. */
export function apiNode(options: NodeOptions): Program {
  const { name, port, publicUrl } = options;
  return {
    name,
    command: [
      ...[INVOKED, "serve", "--port", String(port), "--public-url", publicUrl],
      // Longer than haproxy takes to notice that the node is not ready.
      ...["--capacity", "0", "--trusted-proxies", "127.0.0.1", "--drain-delay", "3s"],
      ...flagsOf(sharedSettings(options)),
    ],
    stopSignal: "SIGTERM",
    stopOrder: 2,
    isReady: async (output) =>
      WELCOME_END.test(output) && await answersOk(`http://127.0.0.1:${port}/healthz`),
  };
}

export function worker(
  name: string,
  directory: string,
  capacity: number,
  nats: NatsAccess,
): Program {
  return {
    name,
    command: [
      ...[INVOKED, "worker", "--data", join(directory, name), "--capacity", String(capacity)],
      ...flagsOf(natsSettings(nats)),
    ],
    stopSignal: "SIGTERM",
    stopOrder: 1,
    isReady: (output) => WORKER_READY.test(output),
  };
}

function natsSettings({ url, caFile, credentialsFile }: NatsAccess) {
  return { nats: url, "nats-ca": caFile, "nats-credentials": credentialsFile };
}

function flagsOf(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
