/** The pipes of an instance as the server uses them. */

/** The stdin of an instance. Writes are carried out in order. */
export interface Input {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
}

/** Reads stdout and stderr of an instance; the promise of a chunk delays the next one. */
export interface OutputReader {
  /** The bytes are valid until this returns. */
  stdout(chunk: Uint8Array): Promise<void> | void;
  stderr(chunk: Uint8Array): Promise<void> | void;
}

/** Drops all output. */
export const discardOutput: OutputReader = { stdout() {}, stderr() {} };
