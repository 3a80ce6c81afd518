import { LRUCache } from "lru-cache";
import type { ArtifactSource } from "./contract.ts";

/** UTF-16 units of scripts kept in memory. */
const SCRIPT_CACHE_UNITS_MAX = 64 * 1024 * 1024;

/** Scripts and source maps by digest; scripts used last stay in memory. */
export class Artifacts {
  readonly #source: ArtifactSource;
  readonly #scripts = new LRUCache<string, string>({
    maxSize: SCRIPT_CACHE_UNITS_MAX,
    sizeCalculation: ({ length }) => Math.max(1, length),
  });

  constructor(source: ArtifactSource) {
    this.#source = source;
  }

  async script(digest: string): Promise<string> {
    const cached = this.#scripts.get(digest);
    if (cached !== undefined) return cached;
    const script = await this.text(digest);
    this.#scripts.set(digest, script);
    return script;
  }

  text(digest: string): Promise<string> {
    return this.#source.text(digest);
  }
}
