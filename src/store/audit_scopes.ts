import { AsyncLocalStorage } from "node:async_hooks";
import type { AuditEntry } from "./audit.ts";
import type { AuditedChanges } from "./audited_tables.ts";

/** One write of a request. */
export interface AuditedWrite {
  /**
   * The event of what its transaction has changed; undefined for none. The transaction may run again, and asks again
   * then.
   */
  entryOf(changes: AuditedChanges): AuditEntry | undefined;
  /** The write is committed; otherwise it is rolled back, and its event with it. */
  ended(isCommitted: boolean): void;
}

/** A request whose writes are audited. */
export interface AuditScope {
  begin(): AuditedWrite;
}

interface OpenScope {
  /** Undefined once the request has ended: what it left running in the background is not its own. */
  scope: AuditScope | undefined;
}

/** Knows for which request a write runs, by the asynchronous context of its caller. */
export class AuditScopes {
  readonly #storage = new AsyncLocalStorage<OpenScope | undefined>();

  /** The request of the caller; undefined outside one. */
  get current(): AuditScope | undefined {
    return this.#storage.getStore()?.scope;
  }

  /** Runs work for a request. Its writes are audited until it settles. */
  async within<T>(scope: AuditScope, work: () => Promise<T>): Promise<T> {
    const open: OpenScope = { scope };
    try {
      return await this.#storage.run(open, work);
    } finally {
      open.scope = undefined;
    }
  }

  /** Makes work run later, in whatever context, as if its caller ran it now. */
  bind<T>(work: () => T): () => T {
    const open = this.#storage.getStore();
    return () => this.#storage.run(open, work);
  }

  /** Runs work that a request begins, and that is not part of the request. */
  outside<T>(work: () => T): T {
    return this.#storage.run(undefined, work);
  }
}
