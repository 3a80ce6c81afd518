/** The pipes of an instance as the server uses them. */

/** The stdin of an instance. */
export type Input = WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;

/** Reads stdout and stderr of an instance; the promise of a chunk delays the next one. */
export interface OutputReader {
  stdout(chunk: Uint8Array): Promise<void> | void;
  stderr(chunk: Uint8Array): Promise<void> | void;
}

/** Drops all output. */
export const discardOutput: OutputReader = { stdout() {}, stderr() {} };
