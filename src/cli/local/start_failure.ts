/** Explains to the operator, in one line, why a server or worker did not start, or why a server stops. */
import type { Config } from "../../config/mod.ts";
import { DataDirError } from "../../store/data_dir.ts";
import { isFullDisk, unavailabilityOf } from "../../store/storage_health.ts";
import { describeError, Failure, firstError } from "../terminal/failure.ts";
import { report } from "../terminal/report.ts";

/** Codes of a failure to listen at an address that this machine does not have. */
const NO_ADDRESS: readonly unknown[] = ["EADDRNOTAVAIL", "EINVAL", "EAFNOSUPPORT"];
/** Codes of a failure to find the address of a name. */
const NO_NAME: readonly unknown[] = ["ENOTFOUND", "EAI_AGAIN"];

/**
 * The reason and the way out, in one line: a service manager shows the last line of a log.
 * @param thrown the error of the start, or what failed first and what failed as the rest was closed
 */
export function startFailure(
  what: "server" | "worker",
  thrown: unknown,
  { server }: Pick<Config, "server">,
): Failure {
  const error = firstError(thrown);
  if (error instanceof DataDirError) return new Failure(error.message);
  const unavailable = unavailabilityOf(error);
  if (unavailable !== undefined && isFullDisk(unavailable)) {
    return new Failure(
      `The ${what} did not start: no space is left for data directory ${server.dataDir}; free ` +
        "space, raise the quota, or choose another directory with --data",
    );
  }
  return new Failure(
    listenFailure(error, server) ?? `The ${what} did not start: ${describeError(error)}`,
  );
}

/** Why the server cannot listen; undefined for another error. */
function listenFailure(error: unknown, { host, port }: Config["server"]): string | undefined {
  const { code, syscall } = error instanceof Error
    ? error as { code?: unknown; syscall?: unknown }
    : {};
  if (error instanceof Deno.errors.AddrInUse || code === "EADDRINUSE") {
    return `Port ${port} of ${host} is in use by another process; stop that process, or choose ` +
      "another port with --port, or 0 for any free port";
  }
  if (code === "EACCES" && syscall === "listen") {
    return `This user may not listen on port ${port} of ${host}; choose a port above 1023 with ` +
      "--port, or grant the server CAP_NET_BIND_SERVICE";
  }
  if (NO_NAME.includes(code) && syscall === "getaddrinfo") {
    return `No address is known for the name ${host}; correct --host, or name an address of this ` +
      "machine; 0.0.0.0 means all addresses";
  }
  if (NO_ADDRESS.includes(code) && syscall === "listen") {
    return `${host} is not an address of this machine; choose another address with --host; 0.0.0.0 ` +
      "means all addresses of this machine";
  }
  return undefined;
}

/** The failure of a server whose disk may have lost data. */
export function syncFailure(error: Error): Failure {
  const what = `The disk failed: ${describeError(error)}`;
  return new Failure(
    `${what}; the server stops, because the disk may have lost what it wrote; check the disk, then ` +
      "start the server again: it recovers what is on the disk",
    { exit: "storage" },
  );
}

/** Ends the process at once: nothing may be acknowledged after a failed sync, and instances die with the server. */
export function exitOnSyncFailure(error: Error): never {
  Deno.exit(report(syncFailure(error)));
}
