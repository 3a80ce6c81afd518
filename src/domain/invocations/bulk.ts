import { countOf } from "../../config/mod.ts";
import type { InvocationOverview } from "../../store/invocations.ts";
import { eachAtOnce } from "../../shared/at_once.ts";
import { DomainError, invalid } from "../errors.ts";
import type { Principal } from "../identity/mod.ts";
import { BEGUN_AT_ONCE } from "../scheduling/scheduler.ts";
import type { DeadLetters } from "./dead_letters.ts";
import type { Invocations } from "./invocations.ts";
import { hasWholeInput, type Replays, UNCHANGED } from "./replays.ts";
import type { InvocationFilter, InvocationSearches } from "./searches.ts";

/** Concurrent cancellations: one may wait for the node of its invocation. */
const CANCELLED_AT_ONCE = 16;
const PAGE = { pageSize: 100 } as const;

/** Drops at once: they wait for one writer. */
const DROPPED_AT_ONCE = 16;

type Named = Pick<InvocationOverview, "functionId" | "id">;

/** What was done to many invocations, or would be. */
interface BulkAnswer {
  readonly count: number;
  /** That could not be replayed, cancelled or dropped. */
  readonly skipped: number;
}

/** What acts on one invocation or dead letter. */
interface BulkParts {
  readonly searches: Pick<InvocationSearches, "overview">;
  readonly invocations: Pick<Invocations, "cancel">;
  readonly replays: Replays;
  readonly deadLetters: DeadLetters;
}

/** Acts on many invocations or dead letters at once. */
export class Bulk {
  constructor(
    private readonly parts: BulkParts,
    /** Invocations that one request acts on; a named setting. */
    private readonly max: number,
  ) {}

  /** Replays the ended invocations that a filter finds, except requests to endpoints. @throws INVALID_FIELD for too many, and for unfinished ones */
  async replay(
    by: Principal,
    functionId: string,
    filter: InvocationFilter,
    dryRun: boolean,
  ): Promise<BulkAnswer> {
    if (filter.status === "PENDING" || filter.status === "RUNNING") {
      throw invalid({ field: "filter.status", description: "must be that of ended invocations" });
    }
    const notBefore = new Date();
    // Replays that begin meanwhile are not among them.
    const ended = { ...filter, until: filter.until ?? notBefore.toISOString() };
    const found = await this.#find(
      functionId,
      [ended],
      (row) => hasEnded(row) && hasWholeInput(row),
    );
    return await act(
      found,
      dryRun,
      BEGUN_AT_ONCE,
      ({ functionId, id }) =>
        this.parts.replays.replay(by, functionId, id, UNCHANGED, { notBefore }),
    );
  }

  /** Cancels the invocations that a filter finds and that have not ended. @throws INVALID_FIELD for too many */
  async cancel(
    functionId: string,
    filter: InvocationFilter,
    dryRun: boolean,
  ): Promise<BulkAnswer> {
    if (filter.status === "SUCCESS" || filter.status === "ERROR") {
      throw invalid({ field: "filter.status", description: "must be PENDING or RUNNING" });
    }
    if (filter.failed === true) {
      const description = "must not be true: invocations that have not ended have not failed";
      throw invalid({ field: "filter.failed", description });
    }
    // Those that wait come first, so that none of them starts meanwhile.
    const statuses = filter.status === undefined
      ? ["PENDING", "RUNNING"] as const
      : [filter.status];
    const filters = statuses.map((status) => ({ ...filter, status }));
    const found = await this.#find(functionId, filters, (row) => !hasEnded(row));
    return await act(
      found,
      dryRun,
      CANCELLED_AT_ONCE,
      ({ functionId, id }) => this.parts.invocations.cancel(functionId, id),
    );
  }

  /** Replays the dead letters that a filter finds, and drops them. @throws INVALID_FIELD for too many */
  async replayDeadLetters(
    by: Principal,
    functionId: string,
    filter: InvocationFilter,
    dryRun: boolean,
  ): Promise<BulkAnswer> {
    const notBefore = new Date();
    const found = await this.#find(functionId, [{ ...filter, isParked: true }], () => true);
    return await act(
      found,
      dryRun,
      BEGUN_AT_ONCE,
      ({ functionId, id }) =>
        this.parts.deadLetters.replay(by, functionId, id, UNCHANGED, { notBefore }),
    );
  }

  /** Drops the dead letters that a filter finds. @throws INVALID_FIELD for too many */
  async dropDeadLetters(
    functionId: string,
    filter: InvocationFilter,
    dryRun: boolean,
  ): Promise<BulkAnswer> {
    const found = await this.#find(functionId, [{ ...filter, isParked: true }], () => true);
    return await act(
      found,
      dryRun,
      DROPPED_AT_ONCE,
      ({ functionId, id }) => this.parts.deadLetters.drop(functionId, id),
    );
  }

  async #find(
    functionId: string,
    filters: readonly InvocationFilter[],
    isWanted: (row: InvocationOverview) => boolean,
  ): Promise<Named[]> {
    // By id: the status of an invocation may change between two pages, and then both have the invocation.
    const found = new Map<string, Named>();
    for (const filter of filters) {
      let pageToken: string | undefined;
      do {
        const page = { ...PAGE, pageToken };
        const { searches } = this.parts;
        const { list, nextPageToken } = await searches.overview(functionId, filter, page);
        for (const { functionId, id } of list.filter(isWanted)) found.set(id, { functionId, id });
        if (found.size > this.max) throw tooMany(this.max);
        pageToken = nextPageToken;
      } while (pageToken !== "");
    }
    return [...found.values()];
  }
}

async function act(
  found: readonly Named[],
  dryRun: boolean,
  limit: number,
  work: (one: Named) => Promise<unknown>,
): Promise<BulkAnswer> {
  if (dryRun) return { count: found.length, skipped: 0 };
  let skipped = 0;
  await eachAtOnce(found, limit, async (row) => {
    try {
      await work(row);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      skipped++;
    }
  });
  return { count: found.length - skipped, skipped };
}

function hasEnded({ status }: InvocationOverview): boolean {
  return status === "SUCCESS" || status === "ERROR";
}

function tooMany(max: number): DomainError {
  return invalid({
    field: "filter",
    description: `finds more than the limit of ${countOf(max, "invocation")} (--max-bulk)`,
  });
}
