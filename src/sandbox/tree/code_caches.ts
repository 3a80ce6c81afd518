/** V8 code caches of scripts: with one a script is evaluated without being compiled. */
import { getLogger } from "@logtape/logtape";
import { Sema } from "async-sema";
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";
import type { Instance } from "../instance/instance.ts";

/** Shortest text that may take {@link COMPILATION_MIN_MS} to compile. */
const SCRIPT_MIN_UNITS = 32 * 1024;
/** Shortest compilation that a code cache saves noticeably. */
const COMPILATION_MIN_MS = 1;
/** Largest code cache. It takes a third of the script. */
const CODE_CACHE_MAX_BYTES = 16 * 1024 * 1024;
/** Memory of all code caches. */
const CODE_CACHES_MAX_BYTES = 64 * 1024 * 1024;
/** Most scripts of which is known that a code cache does not pay. */
const UNSUITABLE_MAX = 10_000;

const logger = getLogger(["invoked", "sandbox"]);

/** Takes an instance that has loaded no code; undefined while no zygote forks. */
export type TakeGeneric = () => Promise<Instance | undefined>;

/**
 * The code caches of this process. V8 trusts their content, so each is made in a fork of the zygote that compiles the
 * script, runs none of it and ends. They stay in memory: no other process can change one, and none outlives the version
 * and the flags of V8 that made it.
 */
export class CodeCaches {
  readonly #caches = new LRUCache<string, Uint8Array>({
    maxSize: CODE_CACHES_MAX_BYTES,
    sizeCalculation: ({ length }) => length,
  });
  readonly #unsuitable = new LRUCache<string, true>(entriesUpTo(UNSUITABLE_MAX));
  readonly #making = new Map<string, Promise<void>>();
  /** One at a time: invocations go first. */
  readonly #turn = new Sema(1);

  constructor(private readonly takeGeneric: TakeGeneric) {}

  /** How many scripts have one. */
  get count(): number {
    return this.#caches.size;
  }

  /** The code cache of this script; undefined without one. */
  of(key: string): Uint8Array | undefined {
    return this.#caches.get(key);
  }

  /** V8 did not take the code cache of this script. It gets no other one. */
  reject(key: string): void {
    this.#caches.delete(key);
    this.#unsuitable.set(key, true);
    logger.warn("V8 rejected the code cache of script {key}", { key });
  }

  /** Makes the code cache of a script if that pays and it has not been made. Never rejects. */
  make(key: string, script: string): Promise<void> {
    if (script.length < SCRIPT_MIN_UNITS || this.#unsuitable.has(key) || this.#caches.has(key)) {
      return Promise.resolve();
    }
    const underway = this.#making.get(key);
    if (underway !== undefined) return underway;
    const making = this.#make(key, script).finally(() => this.#making.delete(key));
    this.#making.set(key, making);
    return making;
  }

  async #make(key: string, script: string): Promise<void> {
    await this.#turn.acquire();
    try {
      const instance = await this.takeGeneric();
      const compiled = await instance?.compile(script, CODE_CACHE_MAX_BYTES);
      if (instance === undefined) return;
      if (compiled === undefined || compiled.ms < COMPILATION_MIN_MS) {
        this.#unsuitable.set(key, true);
      } else {
        this.#caches.set(key, compiled.codeCache);
      }
    } catch (error) {
      // The invocations compile the script.
      logger.debug("script {key} has no code cache: {error}", { key, error: String(error) });
    } finally {
      this.#turn.release();
    }
  }
}
