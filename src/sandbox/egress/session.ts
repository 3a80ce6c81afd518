/** What one invocation sends out and receives: its limits, and one log line for each request. */
import { formatBytes } from "../../config/mod.ts";
import { Allowlist } from "./allowlist.ts";
import { EgressFault } from "./fault.ts";

/** Limits of one invocation. Each is a named setting in `src/config`, and told in the refusal it causes. */
export interface EgressLimits {
  /** Bytes of bodies and tunnels in both directions together. */
  readonly maxBytes: number;
  /** Requests and tunnels, the refused ones included. */
  readonly maxRequests: number;
  /** Connections of the function to the proxy at the same time. */
  readonly maxConnections: number;
}

/** Takes one log line. */
export type EgressLogger = (level: "info" | "warn", message: string) => void;

/** What is destroyed with its invocation: sockets and requests. */
export interface Destroyable {
  destroy(): unknown;
}

/** The network of one invocation. Closing it cuts all of its connections. */
export class EgressSession implements Disposable {
  readonly allowlist: Allowlist;
  readonly #limits: EgressLimits;
  readonly #log: EgressLogger;
  readonly #open = new Set<Exchange>();
  #requests = 0;
  #bytes = 0;
  #warned = false;
  #closed = false;

  constructor(entries: readonly string[], limits: EgressLimits, log: EgressLogger) {
    this.allowlist = new Allowlist(entries);
    this.#limits = limits;
    this.#log = log;
  }

  /** True once the invocation has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether a request or a tunnel is not over. */
  get isBusy(): boolean {
    return this.#open.size > 0;
  }

  /** Begins a request. Past the limit of requests there is a fault, and one log line for all of these. */
  begin(method: string): Exchange | EgressFault {
    if (++this.#requests > this.#limits.maxRequests) {
      const limit = `limit of ${this.#limits.maxRequests} requests (--max-egress-requests)`;
      this.warnOnce(limit);
      return new EgressFault("refused", 429, `${limit} reached`);
    }
    const exchange = new Exchange(method, (bytes) => this.#count(bytes), (level, message) => {
      this.#open.delete(exchange);
      this.#log(level, message);
    });
    this.#open.add(exchange);
    return exchange;
  }

  /** Throws where the bytes of this invocation are used up. */
  checkBytes(): void {
    if (this.#bytes > this.#limits.maxBytes) throw this.#usedUp();
  }

  /** Logs a limit that has no request of its own to be told with. */
  warnOnce(limit: string): void {
    if (this.#warned || this.#closed) return;
    this.#warned = true;
    this.#log("warn", `refused: ${limit} reached; what follows is refused without a line`);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const exchange of this.#open) exchange.cut();
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#limits.maxBytes) return;
    for (const exchange of this.#open) exchange.fail(this.#usedUp());
  }

  #usedUp(): EgressFault {
    const limit = formatBytes(this.#limits.maxBytes);
    return new EgressFault("refused", 429, `limit of ${limit} reached (--max-egress)`);
  }
}

/** One request, or one tunnel, from its first byte to its one log line. */
export class Exchange {
  readonly #method: string;
  readonly #count: (bytes: number) => void;
  readonly #log: EgressLogger;
  readonly #owned = new Set<Destroyable>();
  #where = "";
  #status: number | undefined;
  #sentBytes = 0;
  #receivedBytes = 0;
  #ended = false;
  #fault: EgressFault | undefined;

  constructor(method: string, count: (bytes: number) => void, log: EgressLogger) {
    this.#method = method;
    this.#count = count;
    this.#log = log;
  }

  /** `host:port`, once it is known. */
  set where(where: string) {
    this.#where = where;
  }

  get where(): string {
    return this.#where;
  }

  /** The status that the other side answered. */
  set status(status: number) {
    this.#status = status;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Why it was refused or failed, where it was. */
  get fault(): EgressFault | undefined {
    return this.#fault;
  }

  /** Destroys this together with the exchange, at once where that has ended. */
  own<Owned extends Destroyable>(owned: Owned): Owned {
    this.#owned.add(owned);
    if (this.#ended) owned.destroy();
    return owned;
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
    this.#count(bytes);
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes;
    this.#count(bytes);
  }

  /** It came to its own end. */
  finish(): void {
    const answered = this.#status === undefined ? "no answer" : `status ${this.#status}`;
    this.#end(
      "info",
      `${this.#where} allowed: ${this.#method}, ${answered}, ${this.#traffic()}`,
    );
  }

  /** It is refused, or failed on the way; its connections are cut. */
  fail(fault: EgressFault): void {
    const where = this.#where === "" ? "" : `${this.#where} `;
    const traffic = this.#sentBytes + this.#receivedBytes > 0 ? `, ${this.#traffic()}` : "";
    const line = `${where}${fault.verdict}: ${this.#method}, ${fault.message}${traffic}`;
    if (!this.#end("warn", line)) return;
    this.#fault = fault;
    this.#destroy();
  }

  /** The invocation ended first. */
  cut(): void {
    this.finish();
    this.#destroy();
  }

  #end(level: "info" | "warn", line: string): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#log(level, line);
    return true;
  }

  #destroy(): void {
    for (const owned of this.#owned) owned.destroy();
  }

  #traffic(): string {
    return `${this.#sentBytes} bytes sent, ${this.#receivedBytes} bytes received`;
  }
}
