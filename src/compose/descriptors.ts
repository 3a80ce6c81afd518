/** Shares the open files that the operating system allows between connections and the rest of the server. */
import { type Config, formatCount } from "../config/mod.ts";

/** Database, blobs, logs, builds, certificates, and what Deno opens. */
const SERVER_DESCRIPTORS = 128;
/** Of one slot or waiting instance: its channels, its egress socket, connections to other hosts, files of volumes. */
const DESCRIPTORS_PER_INSTANCE = 8;
const DEFAULT_CONNECTIONS = 4096;
/** Fewer are of no use. */
const CONNECTIONS_MIN = 16;

/**
 * The open connections that the server accepts. The server keeps the remaining descriptors for its own use. @param
 * limit of open files; undefined without a limit @throws if the limit leaves too few connections, or fewer than
 * configured
 */
export function connectionsWithin(
  { server, invocations, nats }: Pick<Config, "server" | "invocations" | "nats">,
  limit: number | undefined,
): number {
  const { poolSize } = invocations;
  const isAlone = nats.urls === undefined;
  const slots = isAlone ? invocations.maxRunning : nats.capacity ?? 0;
  const wanted = server.maxConnections;
  if (limit === undefined) return wanted ?? DEFAULT_CONNECTIONS;
  const kept = SERVER_DESCRIPTORS + DESCRIPTORS_PER_INSTANCE * (slots + poolSize);
  const allowed = limit - kept;
  if (allowed >= (wanted ?? CONNECTIONS_MIN)) {
    return wanted ?? Math.min(allowed, DEFAULT_CONNECTIONS);
  }
  const connections = wanted === undefined
    ? `${formatCount(CONNECTIONS_MIN)} connections`
    : `--max-connections ${formatCount(wanted)}`;
  throw new Error(
    `the limit of open files (ulimit -n) is ${formatCount(limit)}, but ${connections} need at ` +
      `least ${formatCount(kept + (wanted ?? CONNECTIONS_MIN))} with ` +
      `${isAlone ? "--max-running" : "--capacity"} ${formatCount(slots)} and --pool-size ${
        formatCount(poolSize)
      }`,
  );
}

/**
 * The limit of open files of this process; undefined without a limit. Deno has raised the soft limit to the hard limit,
 * and children inherit it. Deno has no function for it.
 */
export async function openFilesLimit(): Promise<number | undefined> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", "ulimit -n"],
    stdin: "null",
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout).trim();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
