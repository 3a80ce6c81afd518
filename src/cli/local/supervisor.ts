/** Runs the server in a process of its own, and starts it again after a failure, as a service manager does. */
import { getLogger } from "@logtape/logtape";
import { LAUNCHER } from "../../shared/installation.ts";
import { pause } from "../../shared/pause.ts";
import { EXIT_OK, EXIT_USAGE } from "../terminal/failure.ts";

/** The flag of `invoked serve`. */
export const RESTART_FLAG = "--restart-on-failure";

/** Pause before a start; it doubles from failure to failure. */
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;
/** A server that ran for this long starts again after the first pause. */
const STEADY_MS = 60_000;

const logger = getLogger(["invoked", "cli"]);

/**
 * Runs the server of this process's arguments until it stops, and exits with its code. A server that ends with an error
 * starts again, unless its arguments are invalid. SIGTERM and SIGINT reach it.
 */
export async function superviseServer(): Promise<never> {
  const args = Deno.args.filter((arg) => arg !== RESTART_FLAG);
  const stopping = new AbortController();
  let server: Deno.ChildProcess | undefined;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => {
      stopping.abort();
      try {
        server?.kill(signal);
      } catch (error) {
        // It has ended just now.
        if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
      }
    });
  }
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
    const start = performance.now();
    server = spawnServer(args);
    const status = await server.status;
    server = undefined;
    const hasEnded = status.code === EXIT_OK || status.code === EXIT_USAGE;
    if (stopping.signal.aborted || hasEnded) Deno.exit(status.code);
    if (performance.now() - start > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
    const reason = status.signal ?? `exit code ${status.code}`;
    logger.error("the server ended with {reason}; it starts again in {pauseMs} ms", {
      reason,
      pauseMs,
    });
    await pause(pauseMs, stopping.signal);
    if (stopping.signal.aborted) Deno.exit(status.code);
  }
}

/** Starts the server. Where util-linux is, the server stops when this process is killed. */
function spawnServer(args: readonly string[]): Deno.ChildProcess {
  try {
    return new Deno.Command("setpriv", {
      args: ["--pdeathsig", "TERM", "--", LAUNCHER, ...args],
      stdin: "null",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return new Deno.Command(LAUNCHER, { args: [...args], stdin: "null" }).spawn();
  }
}
