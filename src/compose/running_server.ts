/** What a started server offers to those who started it, and how it ends. */
import type { Config } from "../config/mod.ts";
import type { SessionLink } from "../domain/sessions/session_links.ts";
import type { Engine } from "../engine/contract.ts";
import type { HttpServer } from "../http/server.ts";
import type { Sandboxes } from "../sandbox/mod.ts";
import type { HeldSocket } from "../shared/held_socket.ts";
import { Lifecycle } from "../shared/lifecycle.ts";
import { pause } from "../shared/pause.ts";
import type { Domain } from "./domain.ts";
import { reloadTls, type Tls } from "./tls.ts";

/** How long answers may take to leave once every invocation has ended. */
const ANSWERS_TIMEOUT_MS = 2_000;

/** The parts of a running server. */
export interface Parts {
  readonly url: string;
  readonly credentialsPath: string;
  readonly tls: Tls | undefined;
  readonly helloFunctionId: string | undefined;
  readonly signInLink: SessionLink | undefined;
  readonly http: HttpServer;
  readonly domain: Domain;
  readonly engine: Engine;
  readonly sandboxes: Sandboxes;
  /** Everything that was opened, to be closed in reverse order. */
  readonly opened: AsyncDisposableStack;
  readonly drain: Drain;
}

/** How a server ends. */
interface Drain {
  readonly timeoutMs: number;
  /** How long clients are asked to use another server before this one rejects their requests. */
  readonly delayMs: number;
  /** Aborts once the server asks clients to use another one. */
  readonly leaving: AbortController;
}

/** How a server ends, which may have a held socket: then new connections wait for the next server. */
export function drainOf(
  { server: { drainTimeoutMs: timeoutMs, drainDelayMs } }: Config,
  socket: HeldSocket | undefined,
): Drain {
  const delayMs = socket === undefined ? drainDelayMs : 0;
  return { timeoutMs, delayMs, leaving: new AbortController() };
}

/**
 * A server that accepts invocations. Modes: `open`; `leaving` from the first signal on, while load balancers notice that the
 * server is no longer ready; `draining`; `closed` once all is closed.
 */
export class RunningServer {
  readonly #lifecycle = new Lifecycle<"open" | "leaving" | "draining" | "closed">(
    "the server",
    "open",
    {
      open: ["leaving"],
      leaving: ["draining"],
      draining: ["closed"],
      closed: [],
    },
  );

  constructor(private readonly parts: Parts) {}

  /** Base URL without a trailing slash. */
  get url(): string {
    return this.parts.url;
  }

  /** The isolation of functions, in words. */
  get walls(): string {
    return this.parts.sandboxes.walls;
  }

  get credentialsPath(): string {
    return this.parts.credentialsPath;
  }

  /** The certificate of the local CA that clients must trust; undefined without a local CA. */
  get caFile(): string | undefined {
    return this.parts.tls?.caFile;
  }

  /** The example that was deployed at the first start; undefined when it was deleted since. */
  get helloFunctionId(): string | undefined {
    return this.parts.helloFunctionId;
  }

  /** A link to the console for the principal that this start has made; undefined if the principal existed. */
  get signInLink(): SessionLink | undefined {
    return this.parts.signInLink;
  }

  /**
   * Reports that the server is not ready, and serves requests until load balancers have noticed. Then lets running
   * invocations finish within the limit, and closes everything. The server rejects new invocations meanwhile. On a held
   * socket, it still admits invocations from open connections, and leaves new connections to the next server.
   */
  async drain(): Promise<void> {
    const { engine, http, domain, opened, drain: { timeoutMs, delayMs, leaving } } = this.parts;
    this.#lifecycle.set("leaving");
    if (delayMs > 0) {
      leaving.abort();
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
    this.#lifecycle.set("draining");
    const end = performance.now() + timeoutMs;
    const left = http.retire(() => engine.isBusy);
    await engine.drain(timeoutMs, left !== undefined);
    domain.liveChanges[Symbol.dispose]();
    if (left !== undefined) await endedWithin(end - performance.now(), left);
    // Before the other parts: a response that is being sent may still read the store.
    await closeHttp(http);
    await opened.disposeAsync();
    this.#lifecycle.set("closed");
  }

  /** Loads the certificate again; see {@link reloadTls}. */
  reloadTls(config: Config["tls"] | undefined): Promise<boolean> {
    return reloadTls(this.parts.tls, config);
  }

  /** Kills every instance at once. */
  kill(): void {
    this.parts.sandboxes[Symbol.asyncDispose]();
  }
}

/** Resolves once the work has ended, or after that time. */
async function endedWithin(ms: number, work: Promise<void>): Promise<void> {
  const ended = new AbortController();
  work.then(() => ended.abort());
  await pause(Math.max(0, ms), ended.signal);
}

/** Closes a server of HTTP once the answers under way have left; answers that take too long are cut. */
export async function closeHttp(http: HttpServer): Promise<void> {
  const cut = setTimeout(() => http.cut(), ANSWERS_TIMEOUT_MS);
  await http.close();
  clearTimeout(cut);
}
