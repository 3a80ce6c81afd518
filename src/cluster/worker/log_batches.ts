import type { SandboxLog } from "../../sandbox/contract.ts";
import { encode, LOG_LINES_MAX } from "../link/messages.ts";

/** How long a line waits for further lines. */
const FLUSH_AFTER_MS = 30;
/** UTF-16 units of messages that one batch may have before it is sent. */
const BATCH_UNITS = 128 * 1024;

/** Groups the log lines of one run into messages. */
export class LogBatches {
  #lines: SandboxLog[] = [];
  #units = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: (message: Uint8Array) => void) {}

  add(log: SandboxLog): void {
    this.#lines.push(log);
    this.#units += log.message.length;
    if (this.#lines.length === LOG_LINES_MAX || this.#units >= BATCH_UNITS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_AFTER_MS);
  }

  /** Sends what is left. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length > 0) this.send(encode(this.#lines));
    this.#lines = [];
    this.#units = 0;
  }
}
