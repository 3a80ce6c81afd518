import type { InvocationNotifier } from "../../engine/notifier.ts";
import type { InvocationLogRow, InvocationStatus } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import { invocationNotFound } from "../references.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";

/** How often a subscriber reads the store without a notification: another machine may have written. */
const POLL_INTERVAL_MS = 1000;
const LOGS_PER_READ = 500;

/** What follows an invocation: log lines in order, then the end; `quiet` after an interval without a line. */
export type LogEvent =
  | { readonly kind: "log"; readonly log: InvocationLogRow }
  | { readonly kind: "quiet" }
  | { readonly kind: "end"; readonly status: InvocationStatus };

/** The log lines of invocations. */
export class InvocationLogs {
  constructor(
    private readonly store: Store,
    private readonly notifier: InvocationNotifier,
    private readonly pages: Pages,
  ) {}

  /** Log lines in order of their sequence numbers. */
  async list(
    functionId: string,
    invocationId: string,
    query: PageQuery,
  ): Promise<ListPage<InvocationLogRow>> {
    await this.#status(functionId, invocationId);
    const page = this.pages.open(["logs", invocationId], query);
    const after = page.after === undefined ? 0 : Number(page.after);
    const { rows, next } = await this.store.read.invocations.logs(invocationId, after, page.size);
    return { list: rows, nextPageToken: page.tokenFor(next?.toString()) };
  }

  /**
   * Follows the log of an invocation after a sequence number until it ends.
   * @throws FUNCTION_NOT_FOUND, INVOCATION_NOT_FOUND, before the first event
   */
  async follow(
    functionId: string,
    invocationId: string,
    after: number,
  ): Promise<AsyncGenerator<LogEvent>> {
    await this.#status(functionId, invocationId);
    return this.#events(functionId, invocationId, after);
  }

  async *#events(
    functionId: string,
    invocationId: string,
    after: number,
  ): AsyncGenerator<LogEvent> {
    using subscription = this.notifier.subscribe(invocationId);
    for (;;) {
      // Read before the lines: the last lines are recorded together with the outcome.
      const status = await this.#status(functionId, invocationId);
      const { rows, next } = await this.store.read.invocations.logs(
        invocationId,
        after,
        LOGS_PER_READ,
      );
      for (const log of rows) yield { kind: "log", log };
      after = rows.at(-1)?.sequence ?? after;
      if (next !== undefined) continue;
      if (status === "SUCCESS" || status === "ERROR") return yield { kind: "end", status };
      await subscription.next(POLL_INTERVAL_MS);
      if (rows.length === 0) yield { kind: "quiet" };
    }
  }

  async #status(functionId: string, id: string): Promise<InvocationStatus> {
    const status = await this.store.read.invocations.status(functionId, id);
    if (status !== undefined) return status;
    throw await invocationNotFound(this.store.read, functionId, id);
  }
}
