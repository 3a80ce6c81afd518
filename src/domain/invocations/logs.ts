import type { InvocationNotifier } from "../../engine/notifier.ts";
import type {
  InvocationLogRow,
  InvocationState,
  InvocationStatus,
} from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import { invocationNotFound } from "../references.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { traceIdOf } from "./trace.ts";

/** How often a subscriber reads the store without a notification: another machine may have written. */
const POLL_INTERVAL_MS = 1000;
const LOGS_PER_READ = 500;

/** A log line with the trace of its invocation. */
export interface TracedLog extends InvocationLogRow {
  readonly traceId: string;
}

/** What follows an invocation: log lines in order, then the end; `quiet` after an interval without a line. */
export type LogEvent =
  | { readonly kind: "log"; readonly log: TracedLog }
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
  ): Promise<ListPage<TracedLog>> {
    const traceId = traceIdOf(await this.#invocation(functionId, invocationId));
    const page = this.pages.open(["logs", invocationId], query);
    const after = page.after === undefined ? 0 : Number(page.after);
    const { rows, next } = await this.store.read.invocations.logs(invocationId, after, page.size);
    const list = rows.map((row) => ({ ...row, traceId }));
    return { list, nextPageToken: page.tokenFor(next?.toString()) };
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
    const traceId = traceIdOf(await this.#invocation(functionId, invocationId));
    return this.#events({ functionId, invocationId, traceId }, after);
  }

  async *#events(
    { functionId, invocationId, traceId }: {
      readonly functionId: string;
      readonly invocationId: string;
      readonly traceId: string;
    },
    after: number,
  ): AsyncGenerator<LogEvent> {
    using subscription = this.notifier.subscribe(invocationId);
    for (;;) {
      // Read before the lines: the last lines are recorded together with the outcome.
      const { status } = await this.#invocation(functionId, invocationId);
      const { rows, next } = await this.store.read.invocations.logs(
        invocationId,
        after,
        LOGS_PER_READ,
      );
      for (const row of rows) yield { kind: "log", log: { ...row, traceId } };
      after = rows.at(-1)?.sequence ?? after;
      if (next !== undefined) continue;
      if (status === "SUCCESS" || status === "ERROR") return yield { kind: "end", status };
      await subscription.next(POLL_INTERVAL_MS);
      if (rows.length === 0) yield { kind: "quiet" };
    }
  }

  async #invocation(functionId: string, id: string): Promise<InvocationState> {
    const followed = await this.store.read.invocations.state(functionId, id);
    if (followed !== undefined) return followed;
    throw await invocationNotFound(this.store.read, functionId, id);
  }
}
