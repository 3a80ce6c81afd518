import type { DescribedPublishRow } from "../../store/functions.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Ids } from "../ids.ts";
import type { Principal } from "../identity/mod.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { anyFunction, commitPurged } from "../references.ts";

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
   * @throws PURGED
   */
  async record(
    tx: Writers,
    by: Principal,
    functionId: string,
    commitId: string | null,
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
    });
  }

  /** The publishes of a function, newest first. */
  async list(functionId: string, query: PageQuery): Promise<ListPage<DescribedPublishRow>> {
    const fn = await anyFunction(this.store.read, functionId);
    const page = this.pages.open(["publishes", fn.id], query);
    const { rows, next } = await this.store.read.functions.publishes(fn.id, page);
    return { list: rows, nextPageToken: page.tokenFor(next) };
  }
}
