import type { S3Address, S3Keys } from "../../../config/mod.ts";
import { S3Client } from "./client.ts";
import { assertListed, asUnusable, checkS3, INSTALLATION } from "./store.ts";
import { upload, type UploadContent } from "./upload.ts";

/** A file below the prefix. */
interface S3File {
  readonly path: string;
  readonly size: number;
  readonly storedAt: Date;
}

/** Files below the prefix of an address, as backups write and read them. Errors are `ObjectStoreUnusable`. */
export class S3Files {
  readonly #client: S3Client;
  readonly #prefix: string;

  private constructor(private readonly address: S3Address, keys: S3Keys) {
    this.#client = new S3Client(address, keys);
    this.#prefix = address.prefix;
  }

  /** Opens files to write them, after a check that they can be written, read and deleted. */
  static async toWrite(address: S3Address, keys: S3Keys | undefined): Promise<S3Files> {
    return new S3Files(address, await checkS3(address, keys));
  }

  /** Opens files to read them, after a check that they can be listed. */
  static async toRead(address: S3Address, keys: S3Keys | undefined): Promise<S3Files> {
    return new S3Files(address, await assertListed(address, keys));
  }

  /** Names them in messages. */
  get name(): string {
    return `s3://${this.address.bucket}/${this.#prefix}`;
  }

  /** The object by which a server claims the prefix for its contents; undefined without a server. */
  async claim(): Promise<string | undefined> {
    const { objects } = await this.#use(() => this.#client.list(this.#prefix + INSTALLATION));
    return objects[0]?.key;
  }

  /** The files whose paths begin so, in the order of their paths, some at a time. */
  async *list(prefix: string): AsyncGenerator<readonly S3File[]> {
    const pages = this.#client.pages(this.#prefix + prefix);
    for (;;) {
      const page = await this.#use(() => pages.next());
      if (page.done) return;
      yield page.value.objects.filter(({ key }) => key.startsWith(this.#prefix)).map(
        ({ key, size, storedAt }) => ({ path: key.slice(this.#prefix.length), size, storedAt }),
      );
    }
  }

  /** Bytes of a file from an offset, at most `length`, and the size of the file; undefined if it does not exist. */
  read(
    path: string,
    offset: number,
    length: number,
  ): Promise<{ readonly bytes: Uint8Array; readonly size: number } | undefined> {
    return this.#use(() => this.#client.range(this.#prefix + path, offset, length));
  }

  /**
   * Replaces a file once all of its content has arrived. What `bytes` throws passes through.
   * @param signedAt from 15 minutes after this time on, S3 does not accept the file, which is sent at once then
   */
  async write(path: string, { size, bytes }: UploadContent, signedAt?: Date): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    const noted = async function* () {
      try {
        yield* bytes();
      } catch (error) {
        failure = { error };
        throw error;
      }
    };
    const content = { size, bytes: noted };
    await this.#use(() => upload(this.#client, this.#prefix + path, content, signedAt))
      .catch((error) => {
        throw failure === undefined ? error : failure.error;
      });
  }

  /**
   * Deletes a file, if it exists.
   * @param signedAt from 15 minutes after this time on, S3 does not accept the deletion
   */
  delete(path: string, signedAt?: Date): Promise<void> {
    return this.#use(() => this.#client.delete(this.#prefix + path, signedAt));
  }

  /** Removes what interrupted writes of own files have left that began before a time. */
  abortWrites(before: Date, isOwn: (path: string) => boolean): Promise<void> {
    const isOurs = (key: string) => isOwn(key.slice(this.#prefix.length));
    return this.#use(() => this.#client.abortUploads(this.#prefix, before, isOurs));
  }

  async #use<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw asUnusable(this.address, error);
    }
  }
}
