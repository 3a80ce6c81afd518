import { setTimeout as delay } from "node:timers/promises";
import { getLogger } from "@logtape/logtape";
import {
  type Builder,
  CompilerKilled,
  type Diagnostic,
  type SourceFiles,
} from "../../builder/mod.ts";
import { LOCK_NAME } from "../../builder/lock.ts";
import type { CommitRow } from "../../store/commits.ts";
import type { Store } from "../../store/mod.ts";
import type { Node } from "../nodes/node.ts";
import { commitContents } from "./builds.ts";

const logger = getLogger(["invoked", "domain"]);

/** Delay of the check of a new commit: its author is likely to call it first. */
const PAUSE_MS = 1000;

/** Runs of a check whose compiler is killed each time, and the pause before another one. */
const KILLED_RUNS_MAX = 3;
const KILLED_PAUSE_MS = 5_000;

/** A fault that the compiler found in the types of a commit. */
export interface TypeDiagnostic extends Diagnostic {
  /** Such as `TS2322`; absent for an error in the imports. */
  readonly code?: string;
}

/** The state of a commit's type check; `NOT_CHECKED` when checks are off. */
export interface TypeReport {
  readonly state: "NOT_CHECKED" | "PENDING" | "CHECKED";
  readonly diagnostics: readonly TypeDiagnostic[];
}

/** The report on a commit. */
export function typeReport({ typeCheck, typeDiagnostics }: CommitRow): TypeReport {
  return {
    state: typeCheck ?? "NOT_CHECKED",
    diagnostics: typeDiagnostics === null
      ? []
      : JSON.parse(typeDiagnostics) as readonly TypeDiagnostic[],
  };
}

/**
 * Checks the types of finalized commits, one after another, oldest first. Pending checks are rows of the store, so
 * that a restart loses none. Disposing it ends the running check; the next start repeats it.
 */
export class TypeChecks implements AsyncDisposable {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #working: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(
    private readonly store: Store,
    private readonly builder: Builder,
    /** Whether commits are checked at all. */
    readonly enabled: boolean,
    private readonly node: Node,
  ) {
    // Other nodes write commits, too.
    node.onBeat(() => this.soon());
  }

  /** Call it after a commit was written. */
  soon(): void {
    if (!this.enabled || this.#stopping.signal.aborted) return;
    if (!this.node.holds("housekeeping")) return;
    this.#timer ??= setTimeout(() => {
      // After the running check: that may have read the store before the last commit was written.
      this.#timer = undefined;
      this.#working = (this.#working ?? Promise.resolve()).then(() => this.#work());
    }, PAUSE_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#working;
  }

  async #work(): Promise<void> {
    try {
      while (!this.#stopping.signal.aborted) {
        const commit = await this.store.read.commits.nextUnchecked();
        if (commit === undefined) return;
        const found = await this.#check(commit);
        if (this.#stopping.signal.aborted) return;
        await this.store.write((tx) => tx.commits.putTypes(commit.id, found));
      }
    } catch (error) {
      logger.error("Cannot go on checking types", { error });
      // At once, unless the store cannot write: an error of another kind must not repeat for ever.
      const { health } = this.store;
      if (health.fault !== undefined) health.available().then(() => this.soon());
    }
  }

  /** The diagnostics as JSON; undefined when the check failed. */
  async #check({ id, lockDigest }: CommitRow): Promise<string | undefined> {
    try {
      const files = await commitContents(this.store, id);
      if (lockDigest !== null) files.set(LOCK_NAME, await this.store.commitBlobs.get(lockDigest));
      return JSON.stringify((await this.#run(id, files)).map(withCode));
    } catch (error) {
      if (this.#stopping.signal.aborted) return undefined;
      logger.warn("Cannot check the types of commit {id}", { id, error });
      return undefined;
    }
  }

  /** Runs the compiler, again if it was killed: that says nothing about the commit. */
  async #run(id: string, files: SourceFiles): Promise<readonly Diagnostic[]> {
    for (let runs = 1;; runs++) {
      try {
        return await this.builder.checkTypes(files, this.#stopping.signal);
      } catch (error) {
        if (!(error instanceof CompilerKilled) || runs >= KILLED_RUNS_MAX) throw error;
        logger.warn("The type check of commit {id} runs again: {reason}", {
          id,
          reason: error.message,
        });
        await delay(KILLED_PAUSE_MS, undefined, { signal: this.#stopping.signal });
      }
    }
  }
}

/** `TS2322: message` to the code and the message. */
function withCode(diagnostic: Diagnostic): TypeDiagnostic {
  const [, code, message] = /^(TS\d+): ([^]*)$/.exec(diagnostic.message) ?? [];
  if (code === undefined || message === undefined) return diagnostic;
  return { ...diagnostic, message, code };
}
