/** nats-server with TLS and a user for each API node and worker. */
import { join } from "node:path";
import { makeNkeyUser } from "../../src/cluster/credentials/users.ts";
import type { Role } from "../../src/cluster/credentials/permissions.ts";
import { isListening } from "./network.ts";
import type { Program } from "./processes.ts";

interface NatsServer {
  readonly program: Program;
  readonly url: string;
  /** Files with the seeds of the users, by their names such as `api-1`. */
  readonly credentials: ReadonlyMap<string, string>;
}

/**
 * Makes what is missing.
 * @param tlsDirectory has `server.pem` and `server.key`
 */
export async function prepareNats(
  directory: string,
  tlsDirectory: string,
  port: number,
  users: readonly (readonly [Role, number])[],
): Promise<NatsServer> {
  const credentials = new Map<string, string>();
  for (const [role, number] of users) {
    const file = await makeNkeyUser(directory, role, String(number));
    credentials.set(`${role}-${number}`, file);
  }
  const text = JSON.stringify;
  const lines = [
    `listen: "127.0.0.1:${port}"`,
    `tls { cert_file: ${text(join(tlsDirectory, "server.pem"))}, ` +
    `key_file: ${text(join(tlsDirectory, "server.key"))} }`,
    `jetstream { store_dir: ${text(join(directory, "streams"))}, sync_interval: always }`,
    'ping_interval: "3s"',
    "ping_max: 2",
    'include "users.conf"',
  ];
  const config = join(directory, "nats.conf");
  await Deno.writeTextFile(config, `${lines.join("\n")}\n`, { mode: 0o600 });
  return {
    url: `tls://127.0.0.1:${port}`,
    credentials,
    program: {
      name: "nats",
      command: ["nats-server", "--config", config],
      stopSignal: "SIGTERM",
      stopOrder: 0,
      isReady: () => isListening(port),
    },
  };
}
