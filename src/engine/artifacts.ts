import { LRUCache } from "lru-cache";
import { StackMap } from "../shared/stack.ts";
import type { ArtifactSource } from "./contract.ts";

/** UTF-16 units of scripts kept in memory. */
const SCRIPT_CACHE_UNITS_MAX = 64 * 1024 * 1024;

/** UTF-16 units of source maps whose positions stay in memory, in which they take several times as much. */
const SOURCE_MAP_CACHE_UNITS_MAX = 4 * 1024 * 1024;

/** Scripts and source maps by digest; those used last stay in memory. */
export class Artifacts {
  readonly #source: ArtifactSource;
  readonly #scripts = new LRUCache<string, string>({
    maxSize: SCRIPT_CACHE_UNITS_MAX,
    sizeCalculation: ({ length }) => Math.max(1, length),
  });

  readonly #stackMaps = new LRUCache<string, StackMap>({ maxSize: SOURCE_MAP_CACHE_UNITS_MAX });

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

  /** The positions of a source map. Without a map that can be read, they are those of the bundle. */
  async stackMap(digest: string): Promise<StackMap> {
    const cached = this.#stackMaps.get(digest);
    if (cached !== undefined) return cached;
    let units = 0;
    const map = await StackMap.open(async () => {
      const text = await this.text(digest);
      units = text.length;
      return text;
    });
    // A map that could not be read now may be readable later.
    if (units > 0) this.#stackMaps.set(digest, map, { size: units });
    return map;
  }

  text(digest: string): Promise<string> {
    return this.#source.text(digest);
  }
}
