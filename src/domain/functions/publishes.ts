import type { DescribedPublishRow, FunctionRow } from "../../store/functions.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Ids } from "../ids.ts";
import type { Principal } from "../identity/mod.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { DomainError } from "../errors.ts";
import { anyFunction, commitPurged } from "../references.ts";

/** Rows of a history that are read together. */
const ROWS_PER_READ = 100;

/** A publish that is in force again. */
interface RestoredPublish {
  readonly id: string;
  readonly commitId: string;
}

/** The history of publishes: which commit, when, by whom, and which commit was published before. */
export class Publishes {
  constructor(
    private readonly store: Store,
    private readonly pages: Pages,
    private readonly ids: Ids,
  ) {}

  /**
   * Records that a commit is published from now on, or none for null. Nothing is recorded if it was published already.
   * It must run in the transaction of the change and before it: of two changes at the same time, the second has the
   * commit of the first as its previous one.
   * @param restoredId the publish that a roll-back goes back to; null for any other publish
   * @throws PURGED
   */
  async record(
    tx: Writers,
    by: Principal,
    functionId: string,
    commitId: string | null,
    restoredId: string | null = null,
  ): Promise<void> {
    const previousCommitId = (await tx.functions.get(functionId))?.publishedCommitId ?? null;
    if (commitId === previousCommitId) return;
    const commit = commitId === null ? undefined : await tx.commits.get(functionId, commitId);
    if (commit && commit.purgedAt !== null) throw commitPurged(commit);
    const { id, time } = this.ids.nextWithTime();
    await tx.functions.insertPublish({
      id,
      functionId,
      commitId,
      previousCommitId,
      publishedAt: time.toISOString(),
      publishedBy: by.displayName,
      restoredId,
    });
  }

  /**
   * The publish that a roll-back of a function goes back to: the one before the publish in force. A roll-back puts the
   * publish that it went back to in force again, so the next one goes further back. Left out are the commit that is
   * published now, times without a published commit, and commits of which files were purged.
   * @throws NO_EARLIER_PUBLISH
   */
  async before(tx: Writers, { id, publishedCommitId }: FunctionRow): Promise<RestoredPublish> {
    let isBefore = false;
    /** The publish in force at that time, which is older than the roll-back to it. */
    let restored: string | undefined;
    for await (const row of this.#newestFirst(tx, id)) {
      if (restored !== undefined && row.id !== restored) continue;
      restored = row.restoredId ?? undefined;
      if (restored !== undefined) continue;
      const { id, commitId, purgedAt } = row;
      const isOther = commitId !== null && commitId !== publishedCommitId;
      if (isBefore && isOther && purgedAt === null) return { id, commitId };
      isBefore = true;
    }
    throw new DomainError(
      "NO_EARLIER_PUBLISH",
      `Function ${id} was not rolled back: ` +
        (isBefore ? "no other commit was published before" : "no commit was ever published"),
    );
  }

  /** The last publish of a commit, which a roll-back to it puts in force again; undefined if it was never published. */
  async lastOf(tx: Writers, functionId: string, commitId: string): Promise<string | undefined> {
    for await (const row of this.#newestFirst(tx, functionId)) {
      if (row.commitId === commitId) return row.restoredId ?? row.id;
    }
    return undefined;
  }

  async *#newestFirst(tx: Writers, functionId: string): AsyncIterable<DescribedPublishRow> {
    let after: string | undefined;
    do {
      const page = { size: ROWS_PER_READ, after };
      const { rows, next } = await tx.functions.publishes(functionId, page);
      yield* rows;
      after = next;
    } while (after !== undefined);
  }

  /** The publishes of a function, newest first. */
  async list(functionId: string, query: PageQuery): Promise<ListPage<DescribedPublishRow>> {
    const fn = await anyFunction(this.store.read, functionId);
    const page = this.pages.open(["publishes", fn.id], query);
    return page.of(await this.store.read.functions.publishes(fn.id, page));
  }
}
