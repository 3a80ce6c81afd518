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

interface NodeOptions {
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

/** An API node that runs no invocations itself. */
export function apiNode(options: NodeOptions): Program {
  const { name, dataDir, port, publicUrl, databaseUrl, passwordFile, masterKeyFile, nats } =
    options;
  return {
    name,
    command: [
      ...[INVOKED, "serve", "--port", String(port), "--public-url", publicUrl],
      ...["--data", dataDir, "--capacity", "0", "--trusted-proxies", "127.0.0.1"],
      ...["--database", databaseUrl, "--database-password-file", passwordFile],
      ...["--master-key-file", masterKeyFile, ...natsFlags(nats)],
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
      ...natsFlags(nats),
    ],
    stopSignal: "SIGTERM",
    stopOrder: 1,
    isReady: (output) => WORKER_READY.test(output),
  };
}

function natsFlags({ url, caFile, credentialsFile }: NatsAccess): string[] {
  return ["--nats", url, "--nats-ca", caFile, "--nats-credentials", credentialsFile];
}
