import type { InvocationOverview, InvocationRecord } from "../../store/invocations.ts";
import type { Store } from "../../store/mod.ts";
import { DomainError, notFound } from "../errors.ts";
import type { Principal } from "../identity/mod.ts";
import type { ListPage, PageQuery } from "../paging.ts";
import { anyFunction } from "../references.ts";
import type { ReplayChange, Replays, ReplayStart } from "./replays.ts";
import type { InvocationFilter, InvocationSearches } from "./searches.ts";

/** A dead letter: an invocation that failed and has no further attempt. It is there until it is replayed or dropped. */
export type DeadLetter = Omit<InvocationOverview, "inputPreview"> & { readonly parkedAt: string };

/** Dead letters. Each has the id of its invocation, and is erased together with that. */
export class DeadLetters {
  constructor(
    private readonly store: Store,
    private readonly replays: Replays,
    private readonly searches: Pick<InvocationSearches, "overview">,
  ) {}

  /** Dead letters of a function, or of all (`-`), newest first. */
  async list(
    functionId: string,
    filter: InvocationFilter,
    query: PageQuery,
  ): Promise<ListPage<DeadLetter>> {
    const parked = { ...filter, isParked: true };
    const { list, nextPageToken } = await this.searches.overview(functionId, parked, query);
    return { list: list.filter(isParked), nextPageToken };
  }

  /** @throws DEAD_LETTER_NOT_FOUND */
  async get(functionId: string, id: string): Promise<DeadLetter & InvocationRecord> {
    await anyFunction(this.store.read, functionId);
    const row = await this.store.read.invocations.get(functionId, id);
    if (row !== undefined && isParked(row)) return row;
    throw letterNotFound(functionId, id);
  }

  /** Drops a dead letter; its invocation stays. @throws DEAD_LETTER_NOT_FOUND */
  async drop(functionId: string, id: string): Promise<void> {
    await this.get(functionId, id);
    const isDropped = await this.store.write((tx) => tx.invocations.unpark(id));
    if (!isDropped) throw letterNotFound(functionId, id);
  }

  /** Invokes the function again with its input or another, and drops it: both or neither. @throws DEAD_LETTER_NOT_FOUND */
  async replay(
    by: Principal,
    functionId: string,
    id: string,
    change: ReplayChange,
    start: Pick<ReplayStart, "notBefore"> = {},
  ): Promise<string> {
    const row = await this.get(functionId, id);
    return await this.replays.start(by, row, change, {
      ...start,
      alongside: async (tx) => {
        if (!await tx.invocations.unpark(id)) throw letterNotFound(functionId, id);
      },
    });
  }
}

function isParked<Row extends Pick<InvocationRecord, "parkedAt">>(
  row: Row,
): row is Row & { readonly parkedAt: string } {
  return row.parkedAt !== null;
}

function letterNotFound(functionId: string, id: string): DomainError {
  const why = `of function ${functionId} does not exist, or was replayed or dropped`;
  return notFound("DEAD_LETTER_NOT_FOUND", "Dead letter", id, why);
}
