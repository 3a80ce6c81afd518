import { getLogger } from "@logtape/logtape";
import type { Builder, Diagnostic, TypeCheckResult, Unchecked } from "../../builder/mod.ts";
import { LOCK_NAME } from "../../builder/lock.ts";
import { pause } from "../../shared/pause.ts";
import type { CommitRow, TypeCheckColumns } from "../../store/commits.ts";
import type { Store } from "../../store/mod.ts";
import type { Node } from "../ownership/contract.ts";
import { commitContents } from "./builds.ts";

export { UNCHECKED_REASONS } from "../../builder/mod.ts";

const logger = getLogger(["invoked", "domain"]);

/** Delay of the check of a new commit: its author is likely to invoke the function first. */
const PAUSE_MS = 1000;

/** Checks of one commit, when the compiler or the registry fails; a reached limit is final. */
const ATTEMPTS_MAX = 3;
/** Pause before a further attempt. */
const RETRY_PAUSE_MS = 2000;

/** An error that the compiler found in the types of a commit. */
export interface TypeDiagnostic extends Diagnostic {
  /** Such as `TS2322`; absent for an error in the imports. */
  readonly code?: string;
}

/** The state of a commit's type check; `NOT_CHECKED` without a reason when checks are off. */
export interface TypeReport extends Partial<Unchecked> {
  readonly state: "NOT_CHECKED" | "PENDING" | "CHECKED";
  readonly diagnostics: readonly TypeDiagnostic[];
}

/** The report on a commit. */
export function typeReport({ typeCheck, typeDiagnostics, typeUnchecked }: CommitRow): TypeReport {
  return {
    state: typeCheck ?? "NOT_CHECKED",
    diagnostics: typeDiagnostics === null
      ? []
      : JSON.parse(typeDiagnostics) as readonly TypeDiagnostic[],
    ...typeUnchecked === null ? {} : JSON.parse(typeUnchecked) as Unchecked,
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
    node.onHeartbeat(() => this.schedule());
    node.pause.onEnd(() => this.schedule());
  }

  /** Call it after a commit was written. */
  schedule(): void {
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
      logger.error("The type checks of commits have stopped", { error });
      // At once, unless the store cannot write: an error of another kind must not repeat for ever.
      const { health } = this.store;
      if (health.error !== undefined) health.available().then(() => this.schedule());
    }
  }

  /** The result of the last attempt; without a meaning once the checks are stopping. */
  async #check(commit: CommitRow): Promise<TypeCheckColumns> {
    const { signal } = this.#stopping;
    for (let attempt = 1;; attempt++) {
      const result = await this.#attempt(commit);
      const isFinal = result.kind === "checked" || result.unchecked.reason !== "CHECKER_FAILED";
      if (isFinal || attempt === ATTEMPTS_MAX || signal.aborted) return columnsOf(result);
      await pause(RETRY_PAUSE_MS, signal);
    }
  }

  async #attempt({ id, lockDigest }: CommitRow): Promise<TypeCheckResult> {
    let unchecked: Unchecked;
    try {
      const files = await commitContents(this.store, id);
      if (lockDigest !== null) files.set(LOCK_NAME, await this.store.commitBlobs.get(lockDigest));
      const result = await this.builder.checkTypes(files, this.#stopping.signal);
      if (result.kind === "checked") return result;
      unchecked = result.unchecked;
      logger.warn("The types of commit {id} were not checked: {message}", { id, ...unchecked });
    } catch (error) {
      unchecked = {
        reason: "CHECKER_FAILED",
        message: "the server failed; its log has the reason",
      };
      if (!this.#stopping.signal.aborted) {
        logger.warn("The types of commit {id} were not checked", { id, error });
      }
    }
    return { kind: "unchecked", unchecked };
  }
}

function columnsOf(result: TypeCheckResult): TypeCheckColumns {
  return result.kind === "checked"
    ? {
      typeCheck: "CHECKED",
      typeDiagnostics: JSON.stringify(result.diagnostics.map(withCode)),
      typeUnchecked: null,
    }
    : { typeCheck: null, typeDiagnostics: null, typeUnchecked: JSON.stringify(result.unchecked) };
}

/** `TS2322: message` to the code and the message. */
function withCode(diagnostic: Diagnostic): TypeDiagnostic {
  const [, code, message] = /^(TS\d+): ([^]*)$/.exec(diagnostic.message) ?? [];
  if (code === undefined || message === undefined) return diagnostic;
  return { ...diagnostic, message, code };
}
