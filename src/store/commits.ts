import type { Kysely, Selectable } from "kysely";
import { afterPrefix, fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { RowReads } from "./row_cache.ts";
import type { LimitColumns } from "../resources/functions.ts";
import type { CommitFileTable, CommitTable, Schema } from "./schema.ts";

export type CommitRow = Selectable<CommitTable>;
export type CommitFileRow = Selectable<CommitFileTable>;

/** What a build records on its commit: digests of blobs, and the Deno version that built them. */
export interface ArtifactColumns {
  readonly scriptDigest: string;
  readonly sourceMapDigest: string;
  readonly lockDigest: string;
  readonly denoVersion: string;
}

/** The same, and what the build warned of. */
export type BuildColumns = ArtifactColumns & Pick<CommitRow, "warnings">;

/** What a build of a commit's tests records on it. */
export interface TestArtifactColumns {
  readonly testScriptDigest: string;
  readonly testSourceMapDigest: string;
  readonly testLockDigest: string;
}

/** The result that a type check records on its commit. */
export type TypeCheckColumns =
  & Pick<CommitRow, "typeDiagnostics" | "typeUnchecked">
  & { readonly typeCheck: "CHECKED" | null };

/** What is recorded of the loading of a commit's script. */
export type LoadColumns = Pick<CommitRow, "loadState" | "loadReport">;

/** A finalized commit: it has its artifact, unless files of it were purged. */
export type FinalizedCommitRow = CommitRow & ArtifactColumns & { readonly finalizedAt: string };

/** Whether the commit has its artifact. */
export function isComplete(row: CommitRow): row is FinalizedCommitRow {
  return row.finalizedAt !== null && row.purgedAt === null;
}

/** The columns that reference blobs of builds. */
const ARTIFACT_DIGESTS = [
  "scriptDigest",
  "sourceMapDigest",
  "lockDigest",
  "testScriptDigest",
  "testSourceMapDigest",
  "testLockDigest",
] as const;

/** Reads commits, their files and tags. */
export class CommitReader {
  constructor(protected readonly db: Kysely<Schema>, private readonly cache: RowReads) {}

  get(functionId: string, id: string): Promise<CommitRow | undefined> {
    return this.cache.read(
      `commit ${id} of ${functionId}`,
      () =>
        this.db.selectFrom("commits").selectAll()
          .where("id", "=", id).where("functionId", "=", functionId).executeTakeFirst(),
    );
  }

  /** Finalized commits of a function, newest first. */
  list(functionId: string, idPrefix: string, page: PageRequest): Promise<Page<CommitRow>> {
    const query = this.db.selectFrom("commits").selectAll()
      .where("functionId", "=", functionId).where("finalizedAt", "is not", null)
      .where("id", ">=", idPrefix).where("id", "<", afterPrefix(idPrefix));
    return fetchPage(query, "id", page);
  }

  /** The id of the commit that was the head before this commit; undefined for the first commit. */
  async parent({ functionId, id, finalizedAt }: CommitRow): Promise<string | undefined> {
    const row = await this.db.selectFrom("commits").select("id")
      .where("functionId", "=", functionId).where((where) =>
        where.or([
          where("finalizedAt", "<", finalizedAt),
          where.and([where("finalizedAt", "=", finalizedAt), where("id", "<", id)]),
        ])
      )
      .orderBy("finalizedAt", "desc").orderBy("id", "desc").limit(1).executeTakeFirst();
    return row?.id;
  }

  /** The oldest finalized commit whose types are not checked yet. */
  nextUnchecked(): Promise<CommitRow | undefined> {
    return this.db.selectFrom("commits").selectAll()
      .where("typeCheck", "=", "PENDING").where("finalizedAt", "is not", null)
      .orderBy("id").limit(1).executeTakeFirst();
  }

  /** The newest finalized commit whose script is to be loaded for a report. */
  nextUnloaded(): Promise<CommitRow | undefined> {
    return this.db.selectFrom("commits").selectAll()
      .where("loadState", "=", "PENDING").where("finalizedAt", "is not", null)
      .orderBy("id", "desc").limit(1).executeTakeFirst();
  }

  files(commitId: string): Promise<CommitFileRow[]> {
    return this.db.selectFrom("commitFiles").selectAll()
      .where("commitId", "=", commitId).orderBy("path").execute();
  }

  /** Whether a commit of the function, or this commit, has or had such a file. */
  async hasFile(functionId: string, commitId: string | undefined, path: string): Promise<boolean> {
    let query = this.db.selectFrom("commitFiles")
      .innerJoin("commits", "commits.id", "commitFiles.commitId").select("commitFiles.path")
      .where("commits.functionId", "=", functionId).where("commitFiles.path", "=", path);
    if (commitId !== undefined) query = query.where("commitFiles.commitId", "=", commitId);
    return await query.limit(1).executeTakeFirst() !== undefined;
  }

  /** The blobs among these that a commit references, as a file or as a part of its artifacts. */
  async referencedBlobs(digests: readonly string[]): Promise<Set<string>> {
    const referenced = new Set<string>();
    for (let at = 0; at < digests.length; at += DIGESTS_PER_QUERY) {
      const some = digests.slice(at, at + DIGESTS_PER_QUERY);
      const files = await this.db.selectFrom("commitFiles").select("digest")
        .where("digest", "in", some).execute();
      for (const { digest } of files) if (digest !== null) referenced.add(digest);
      for (const column of ARTIFACT_DIGESTS) {
        const commits = await this.db.selectFrom("commits").select(`${column} as digest`)
          .where(column, "in", some).execute();
        for (const { digest } of commits) if (digest !== null) referenced.add(digest);
      }
    }
    return referenced;
  }

  /** The blobs of commits with an id after `after`, in the order of the commits. */
  async blobs(after: string): Promise<{ id: string; digests: string[] }[]> {
    const commits = await this.db.selectFrom("commits").select(["id", ...ARTIFACT_DIGESTS])
      .where("id", ">", after).orderBy("id").limit(DIGESTS_PER_QUERY).execute();
    const files = await this.db.selectFrom("commitFiles").select(["commitId", "digest"])
      .where("commitId", "in", commits.map(({ id }) => id)).execute();
    const byCommit = Map.groupBy(files, ({ commitId }) => commitId);
    return commits.map(({ id, ...artifacts }) => {
      const own = (byCommit.get(id) ?? []).map(({ digest }) => digest);
      return {
        id,
        digests: [...Object.values(artifacts), ...own].filter((digest) => digest !== null),
      };
    });
  }

  /** The commit of a tag. */
  tagged(functionId: string, name: string): Promise<CommitRow | undefined> {
    return this.db.selectFrom("tags").innerJoin("commits", "commits.id", "tags.commitId")
      .selectAll("commits").where("tags.functionId", "=", functionId).where("tags.name", "=", name)
      .executeTakeFirst();
  }

  /** Every tag of a function with its commit, by name. */
  async tags(functionId: string): Promise<{ name: string; commit: CommitRow }[]> {
    const rows = await this.db.selectFrom("tags").innerJoin(
      "commits",
      "commits.id",
      "tags.commitId",
    )
      .selectAll("commits").select("tags.name as tagName")
      .where("tags.functionId", "=", functionId).orderBy("tags.name").execute();
    return rows.map(({ tagName, ...commit }) => ({ name: tagName, commit }));
  }
}

/** Digests in one query. */
const DIGESTS_PER_QUERY = 500;

/** Writes commits, their files and tags. */
export class CommitWriter extends CommitReader {
  async insert(row: CommitRow, files: readonly CommitFileRow[]): Promise<void> {
    await this.db.insertInto("commits").values(row).execute();
    await this.db.insertInto("commitFiles").values(files).execute();
  }

  /** False if the commit declares no such file or is no longer open. */
  async putFile(commitId: string, path: string, digest: string, size: number): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("commitFiles").set({ digest, size })
      .where("commitId", "=", commitId).where("path", "=", path)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom("commits").select("id").where("id", "=", commitId)
            .where("finalizedAt", "is", null).where("purgedAt", "is", null),
        )
      )
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** False if it is finalized already. */
  async finalize(
    id: string,
    finalizedAt: string,
    columns: BuildColumns & LimitColumns,
  ): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("commits").set({
      finalizedAt,
      ...columns,
    })
      .where("id", "=", id).where("finalizedAt", "is", null).executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Records the build of the tests of a commit; false if files of it were purged. */
  async putTests(id: string, artifact: TestArtifactColumns): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("commits").set({ ...artifact })
      .where("id", "=", id).where("purgedAt", "is", null).executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Records the end of a type check. Nothing is recorded for a commit whose files were purged. */
  async putTypes(id: string, columns: TypeCheckColumns): Promise<void> {
    await this.db.updateTable("commits").set(columns).where("id", "=", id)
      .where("purgedAt", "is", null).execute();
  }

  /** Requests a report on a finalized commit. @param known the report that it replaces; null if the commit has none */
  async wantLoad(id: string, known: string | null): Promise<void> {
    const state = known === null ? null : "REPORTED";
    await this.db.updateTable("commits").set({ loadState: "PENDING", loadReport: null })
      .where("id", "=", id).where("loadState", "is not distinct from", state)
      .where("loadReport", "is not distinct from", known)
      .where("finalizedAt", "is not", null).where("purgedAt", "is", null).execute();
  }

  /** Records what loading the script showed. Nothing is recorded for a commit whose files were purged. */
  async putLoad(id: string, columns: LoadColumns): Promise<void> {
    await this.db.updateTable("commits").set(columns).where("id", "=", id)
      .where("purgedAt", "is", null).execute();
  }

  /**
   * Takes these contents from files of commits, and all artifacts from the commits.
   * @returns the digests that these files and commits no longer reference
   */
  async erase(
    commitIds: readonly string[],
    digests: readonly string[],
    { purgedAt, purgedBy }: Pick<CommitRow, "purgedAt" | "purgedBy">,
  ): Promise<string[]> {
    const artifacts = await this.db.selectFrom("commits").select(ARTIFACT_DIGESTS)
      .where("id", "in", commitIds).execute();
    const built = artifacts.flatMap((row) => Object.values(row)).filter((each) => each !== null);
    await this.db.updateTable("commitFiles").set({ digest: null })
      .where("commitId", "in", commitIds).where("digest", "in", digests).execute();
    await this.db.updateTable("commits").set({
      ...Object.fromEntries(ARTIFACT_DIGESTS.map((column) => [column, null])),
      // Diagnostics may quote the files.
      warnings: null,
      typeCheck: null,
      typeDiagnostics: null,
      typeUnchecked: null,
      // The report names files and functions.
      loadState: null,
      loadReport: null,
      purgedAt,
      purgedBy,
    }).where("id", "in", commitIds).execute();
    return [...digests, ...built];
  }

  /** False if the function has a tag of that name already. */
  async insertTag(
    functionId: string,
    name: string,
    commitId: string,
    createdAt: string,
  ): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.db.insertInto("tags")
      .values({ functionId, name, commitId, createdAt })
      .onConflict((c) => c.columns(["functionId", "name"]).doNothing()).executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  /** False if the tag does not exist. */
  async deleteTag(functionId: string, name: string): Promise<boolean> {
    const { numDeletedRows } = await this.db.deleteFrom("tags")
      .where("functionId", "=", functionId).where("name", "=", name).executeTakeFirst();
    return numDeletedRows > 0n;
  }
}
