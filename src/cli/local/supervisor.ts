/** Runs the server in a process of its own, and starts it again after a failure, as a service manager does. */
import { getLogger } from "@logtape/logtape";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { HeldSocket } from "../../shared/held_socket.ts";
import { LAUNCHER } from "../../shared/installation.ts";
import { pause } from "../../shared/pause.ts";
import { describeError, EXIT_FAILURE, EXIT_OK, EXIT_USAGE } from "../terminal/failure.ts";
import { listenForHangup } from "../terminal/signals.ts";

/** The flag of `invoked serve`. */
export const RESTART_FLAG = "--restart-on-failure";

/** Pause before a start; it doubles from failure to failure. */
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 30_000;
/** A server that ran for this long starts again after the first pause. */
const STEADY_MS = 10_000;
/** Where util-linux is, the server stops when this process is killed. */
const DIES_WITH_PARENT =
  'if command -v setpriv >/dev/null; then exec setpriv --pdeathsig TERM -- "$@"; fi; exec "$@"';

const logger = getLogger(["invoked", "cli"]);

/**
 * Runs the server of this process's arguments until it stops, and exits with its code. A server that ends with an error
 * starts again, unless its arguments are invalid, without a limit: a database that is away for long looks like a data
 * directory that someone has to repair. SIGTERM and SIGINT reach the server. SIGHUP replaces it by another, which reads the
 * settings anew, unless the settings are invalid. This process keeps the socket of the servers: new connections wait from one server to the next.
 */
export async function superviseServer(
  socket: HeldSocket,
  check: () => Promise<void>,
): Promise<never> {
  const supervisor = new Supervisor(socket, check);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => supervisor.stop(signal));
  }
  using _restart = listenForHangup(() => supervisor.restart());
  Deno.exit(await supervisor.run());
}

interface Ending {
  readonly code: number;
  /** In words. */
  readonly reason: string;
}

class Supervisor {
  readonly #args = Deno.args.filter((arg) => arg !== RESTART_FLAG);
  readonly #stopping = new AbortController();
  #server: ChildProcess | undefined;
  /** The last signal that the running server has got from this process. */
  #sent: "SIGTERM" | "SIGINT" | undefined;
  /** Aborted to end a pause. */
  #waking = new AbortController();
  /** Whether the running server is to be replaced. */
  #isRestarting = false;

  constructor(private readonly socket: HeldSocket, private readonly check: () => Promise<void>) {}

  /**
   * Passes the signal on, unless the server drains already: the second signal kills a server. No server follows: from now
   * on new connections fail at once.
   */
  stop(signal: "SIGTERM" | "SIGINT"): void {
    const isDraining = this.#isRestarting && !this.#stopping.signal.aborted;
    this.#stopping.abort();
    this.#waking.abort();
    this.socket[Symbol.dispose]();
    if (!isDraining) this.#signal(signal);
  }

  /** Replaces the running server, unless the next server would reject its settings: the running server then stays. */
  async restart(): Promise<void> {
    this.#waking.abort();
    try {
      await this.check();
    } catch (error) {
      logger.error("the server is not replaced after SIGHUP: {reason}", {
        reason: describeError(error),
      });
      return;
    }
    if (this.#stopping.signal.aborted || this.#isRestarting || this.#server === undefined) return;
    this.#isRestarting = true;
    this.#signal("SIGTERM");
  }

  /** Not by the `kill` of the child: Deno then reports the signal as its end, whatever its exit code is. */
  #signal(signal: "SIGTERM" | "SIGINT"): void {
    if (this.#server?.pid === undefined) return;
    this.#sent = signal;
    try {
      Deno.kill(this.#server.pid, signal);
    } catch (error) {
      // It has ended just now.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** @returns the exit code of the last server */
  async run(): Promise<number> {
    for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
      const start = performance.now();
      const { code, reason } = await this.#serve();
      const isReplaced = this.#isRestarting && code === EXIT_OK;
      this.#isRestarting = false;
      const hasEnded = !isReplaced && (code === EXIT_OK || code === EXIT_USAGE);
      if (this.#stopping.signal.aborted || hasEnded) return code;
      if (isReplaced || performance.now() - start > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
      if (isReplaced) {
        logger.info("the server starts again after SIGHUP");
        continue;
      }
      logger.error("the server ended with {reason}; it starts again in {pauseMs} ms", {
        reason,
        pauseMs,
      });
      this.#waking = new AbortController();
      await pause(pauseMs, AbortSignal.any([this.#waking.signal, this.#stopping.signal]));
      if (this.#stopping.signal.aborted) return code;
    }
  }

  async #serve(): Promise<Ending> {
    const command = ["sh", "-c", DIES_WITH_PARENT, "sh", LAUNCHER, ...this.#args];
    try {
      this.#server = this.socket.start(command);
      const [code, signal] = await once(this.#server, "exit") as [number | null, string | null];
      // A server that does not listen for signals yet dies of them.
      if (signal !== null && signal === this.#sent) return { code: EXIT_OK, reason: signal };
      return { code: code ?? EXIT_FAILURE, reason: signal ?? `exit code ${code}` };
    } catch (error) {
      return { code: EXIT_FAILURE, reason: `a failed start: ${describeError(error)}` };
    } finally {
      this.#server = undefined;
      this.#sent = undefined;
    }
  }
}
