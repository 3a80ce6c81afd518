import { describeError, Failure } from "../terminal/failure.ts";
import { report } from "../terminal/report.ts";

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
