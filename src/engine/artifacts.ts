import type { CommitBlobs, Digest } from "../store/blobs/commit_blobs.ts";

/** Bytes of scripts kept in memory. */
const SCRIPT_CACHE_BYTES_MAX = 64 * 1024 * 1024;

/** Scripts by digest, the most recently used ones in memory. */
export class Artifacts {
  readonly #blobs: CommitBlobs;
  /** In order of last use, oldest first. */
  readonly #scripts = new Map<Digest, string>();
  #bytes = 0;

  constructor(blobs: CommitBlobs) {
    this.#blobs = blobs;
  }

  async script(digest: Digest): Promise<string> {
    const script = this.#scripts.get(digest) ?? await this.text(digest);
    if (this.#scripts.delete(digest)) this.#bytes -= script.length;
    this.#scripts.set(digest, script);
    this.#bytes += script.length;
    for (const [oldest, { length }] of this.#scripts) {
      if (this.#bytes <= SCRIPT_CACHE_BYTES_MAX) break;
      this.#scripts.delete(oldest);
      this.#bytes -= length;
    }
    return script;
  }

  async text(digest: Digest): Promise<string> {
    return new TextDecoder().decode(await this.#blobs.get(digest));
  }
}
