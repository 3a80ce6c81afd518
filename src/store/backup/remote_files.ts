/** The port of a bucket with backups: files below a prefix, each of which is there whole or not at all. */

/** A file in a list. */
export interface RemoteFile {
  /** Below the prefix. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** By the clock of the service. */
  readonly storedAt: Date;
}

/** What becomes a file. */
interface RemoteContent {
  /** Bytes. */
  readonly size: number;
  /** The content, which throws before or after its last byte if it is not what it must be. */
  bytes(): AsyncIterable<Uint8Array>;
}

/** Files below a prefix of a bucket. Every method throws `ObjectStoreUnusable` if the service cannot be used. */
export interface RemoteFiles {
  /** Names it in messages; it ends with a slash. */
  readonly name: string;
  /** The object by which a server claims the prefix for its contents; undefined without a server. */
  claim(): Promise<string | undefined>;
  /** The files whose paths begin so, in the order of their paths, some at a time. */
  list(prefix: string): AsyncIterable<readonly RemoteFile[]>;
  /**
   * Bytes of a file from an offset, at most `length`, and the size of the file.
   * @returns undefined if the file does not exist
   */
  read(
    path: string,
    offset: number,
    length: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly size: number } | undefined>;
  /**
   * Replaces a file once all of its content has arrived; what `bytes` throws passes through.
   * @param signedAt from 15 minutes after this time on, the service does not accept the file, which is sent at once then
   */
  write(path: string, content: RemoteContent, signedAt?: Date): Promise<void>;
  /**
   * Deletes a file, if it exists.
   * @param signedAt from 15 minutes after this time on, the service does not accept the deletion
   */
  delete(path: string, signedAt?: Date): Promise<void>;
  /**
   * Removes what interrupted writes have left that began before a time.
   * @param isOwn whether a path is of a backup
   */
  abortWrites(before: Date, isOwn: (path: string) => boolean): Promise<void>;
}
