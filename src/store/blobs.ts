import { createHash, randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { exists, syncDirectory, writeAll } from "./files.ts";

/** SHA-256 of the content in lower-case hex: the name of a blob. */
export type Digest = string;

/** Contents by digest. A blob never changes; storing it twice stores it once. */
export interface Blobs {
  /** Resolves once the content is durable. */
  put(content: Uint8Array): Promise<Digest>;
  /** Rejects when there is no such blob: a digest in the database always has one. */
  get(digest: Digest): Promise<Uint8Array>;
}

/** SHA-256 in lower-case hex. */
export function digestOf(content: Uint8Array): Digest {
  return createHash("sha256").update(content).digest("hex");
}

/** Blobs as files `ab/cdef...` below a directory. */
export class DiskBlobs implements Blobs {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async put(content: Uint8Array): Promise<Digest> {
    const digest = digestOf(content);
    const path = this.#path(digest);
    if (await exists(path)) return digest;
    const folder = dirname(path);
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    // Written beside its place and renamed: a crash leaves a stray file, never half a blob.
    const partial = join(folder, `.${randomUUID()}`);
    {
      using file = await Deno.open(partial, { write: true, createNew: true, mode: 0o600 });
      await writeAll(file, content);
      await file.sync();
    }
    await Deno.rename(partial, path);
    await syncDirectory(folder);
    await syncDirectory(this.#root);
    return digest;
  }

  get(digest: Digest): Promise<Uint8Array> {
    return Deno.readFile(this.#path(digest));
  }

  #path(digest: Digest): string {
    return join(this.#root, digest.slice(0, 2), digest.slice(2));
  }
}
