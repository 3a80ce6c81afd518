/** V8 code caches of scripts: with one a script is evaluated without being compiled. */
import { getLogger } from "@logtape/logtape";
import { Sema } from "async-sema";
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";
import type { Instance } from "../instance/instance.ts";
import type { Compiled } from "../instance/output_readers.ts";

/** Shortest text whose compilation may take {@link COMPILATION_MIN_MS}. */
const SCRIPT_MIN_UNITS = 32 * 1024;
/** Shortest compilation that a code cache saves noticeably. */
const COMPILATION_MIN_MS = 1;
/** Largest code cache. That of a package takes one to one and a half times as much as the script. */
const CODE_CACHE_MAX_BYTES = 16 * 1024 * 1024;
/** Memory of all code caches. */
const CODE_CACHES_MAX_BYTES = 128 * 1024 * 1024;
/** How long a script whose code cache had to go gets no other one: scripts that do not fit would replace each other. */
const EVICTED_MS = 10 * 60_000;
/** Most scripts of which is known that a code cache does not pay. */
const UNSUITABLE_MAX = 10_000;

const logger = getLogger(["invoked", "sandbox"]);

/** Starts a process that has loaded no code; resolves with undefined if it cannot be had now. */
type StartCompiler = () => Promise<Instance | undefined>;

/**
 * The code caches of this process. V8 trusts their content, so each is made in a process that compiles the script, runs
 * none of it and ends. They stay in memory: no other process can change one, and none outlives the version and the flags
 * of V8 that made it.
 *
 * V8 compiles a function when it is first called, which each fork of a template would do anew. So a compiler compiles
 * every function of a script (`--no-lazy`). In a zygote with that flag, the built-ins of Node would take 6 MiB more, which
 * every fork would pay for. Where all functions of a script take too much, a fork of the zygote compiles the script
 * without those that are called later.
 */
export class CodeCaches implements AsyncDisposable {
  readonly #compilers: readonly StartCompiler[];
  readonly #caches = new LRUCache<string, Uint8Array>({
    maxSize: CODE_CACHES_MAX_BYTES,
    sizeCalculation: ({ length }) => length,
    dispose: (_, key, reason) => void (reason === "evict" && this.#evicted.set(key, true)),
  });
  readonly #evicted = new LRUCache<string, true>({
    ...entriesUpTo(UNSUITABLE_MAX),
    ttl: EVICTED_MS,
  });
  readonly #unsuitable = new LRUCache<string, true>(entriesUpTo(UNSUITABLE_MAX));
  readonly #making = new Map<string, Promise<void>>();
  /** One compiler at a time: invocations go first. */
  readonly #slot = new Sema(1);
  #compiler: Instance | undefined;
  #isClosed = false;

  /** @param compilers the next one is started if the last one gave no code cache */
  constructor(...compilers: readonly StartCompiler[]) {
    this.#compilers = compilers;
  }

  /** How many scripts have one. */
  get count(): number {
    return this.#caches.size;
  }

  /** How much memory all of them take. */
  get bytes(): number {
    return this.#caches.calculatedSize;
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
    const isDecided = [this.#unsuitable, this.#evicted, this.#caches].some((by) => by.has(key));
    if (script.length < SCRIPT_MIN_UNITS || isDecided) return Promise.resolve();
    const underway = this.#making.get(key);
    if (underway !== undefined) return underway;
    const making = this.#make(key, script).finally(() => this.#making.delete(key));
    this.#making.set(key, making);
    return making;
  }

  async #make(key: string, script: string): Promise<void> {
    await this.#slot.acquire();
    try {
      const compiled = await this.#compile(script);
      if (compiled === undefined) return;
      if (compiled === "failed" || compiled.ms < COMPILATION_MIN_MS) {
        this.#unsuitable.set(key, true);
      } else {
        this.#caches.set(key, compiled.codeCache);
      }
    } catch (error) {
      // The invocations compile the script.
      logger.debug("script {key} has no code cache: {error}", { key, error: String(error) });
    } finally {
      this.#compiler = undefined;
      this.#slot.release();
    }
  }

  /** Resolves with undefined if no compiler could be had, and once this is closed. */
  async #compile(script: string): Promise<Compiled | "failed" | undefined> {
    let compiled: Compiled | "failed" | undefined;
    for (const start of this.#compilers) {
      const compiler = this.#compiler = await start().catch((error) => {
        logger.debug("a compiler did not start: {error}", { error: String(error) });
        return undefined;
      });
      if (this.#isClosed) await compiler?.kill();
      if (this.#isClosed) return undefined;
      if (compiler === undefined) continue;
      compiled = await compiler.compile(script, CODE_CACHE_MAX_BYTES) ?? "failed";
      if (this.#isClosed) return undefined;
      if (compiled !== "failed") break;
    }
    return compiled;
  }

  /** Ends the compiler. No further code cache is made. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#compiler?.kill();
    await Promise.all(this.#making.values());
  }
}
