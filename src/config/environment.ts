/** Reads and changes the environment of this process. No other module does. */
import { ConfigError } from "./resolve.ts";

/** All variables. */
export function readEnvironment(): Readonly<Record<string, string>> {
  return Deno.env.toObject();
}

/** Of systemd's protocol for sockets (`man 3 sd_listen_fds`). */
const SOCKET_VARIABLES = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] as const;

/**
 * Whether a service manager has passed a socket to this process. Removes its variables, so that no child takes them for
 * its own; those for another process count as absent.
 * @throws {ConfigError} if it has passed several
 */
export function takeSocketVariables(): boolean {
  const [pid, count = ""] = SOCKET_VARIABLES.map((name) => Deno.env.get(name));
  for (const name of SOCKET_VARIABLES) Deno.env.delete(name);
  if (pid !== String(Deno.pid) || count === "0") return false;
  if (count === "1") return true;
  throw new ConfigError([
    `LISTEN_FDS is ${JSON.stringify(count)}, but must be 1: the server accepts on one socket`,
  ]);
}
