/** Writes lines to stderr, with one write for each iteration of the event loop. */
import process from "node:process";

/**
 * Longest text of one write, in UTF-16 units, unless one line is longer. POSIX keeps a write of up to `PIPE_BUF` bytes
 * (4,096) to a pipe together, so that the lines of other processes come before or after it. Text that is not ASCII takes
 * more bytes: such a write may be divided at a line of another process, as a long line may be.
 */
const WRITE_CHARS_MAX = 4096;

const encoder = new TextEncoder();

/**
 * Collects lines and writes them before the event loop waits again, and before the process ends by itself: an exit
 * dispatches `unload`, an uncaught error `error`, and the runtime reports a rejection later. Only an end from outside,
 * such as SIGKILL, can lose the lines of an iteration, and none of these are urgent.
 */
export class LineWriter {
  #waiting = "";
  #isPlanned = false;

  constructor() {
    const flush = () => this.flush();
    for (const type of ["unload", "error"]) globalThis.addEventListener(type, flush);
  }

  /** @param isUrgent writes the line, and what waits, now */
  write(line: string, isUrgent: boolean): void {
    if (this.#waiting.length + line.length >= WRITE_CHARS_MAX) this.flush();
    this.#waiting += `${line}\n`;
    if (isUrgent) return this.flush();
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    // It runs once the callbacks and promises of this iteration have run.
    process.nextTick(() => {
      this.#isPlanned = false;
      this.flush();
    });
  }

  /** Writes what waits. A log that nobody can read must not stop the server: what stderr does not take is lost. */
  flush(): void {
    if (this.#waiting === "") return;
    const bytes = encoder.encode(this.#waiting);
    this.#waiting = "";
    try {
      for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
    } catch {
      // Closed, or full and not to be waited for.
    }
  }
}
