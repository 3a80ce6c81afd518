import type { Kysely, Selectable, Updateable } from "kysely";
import { type Expired, expiredOf } from "./expired.ts";
import { cut, fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { Schema, VolumeEntryTable, VolumeTable, VolumeVersionTable } from "./schema.ts";

export type VolumeRow = Selectable<VolumeTable>;
export type VolumeVersionRow = Selectable<VolumeVersionTable>;
export type VolumeEntryRow = Selectable<VolumeEntryTable>;

/** Values in the list of one statement. */
const VALUES_PER_STATEMENT_MAX = 500;

/** What one step has deleted. */
interface PruneStep {
  readonly versions: number;
  /** Whether nothing is left. */
  readonly isLast: boolean;
}

/** A blob, and one of the files that have it. */
interface BlobUse {
  readonly digest: string;
  readonly volumeId: string;
  readonly path: string;
  readonly size: number;
}

/** Entries of a directory, in the order of the bytes of their paths. */
interface EntryQuery {
  readonly volumeId: string;
  readonly version: number;
  /** A directory's path; `/` is the root. */
  readonly directory: string;
  /** All descendants, or the children only. */
  readonly recursive: boolean;
  /** Path after which the result begins; empty for the first. */
  readonly after: string;
  readonly limit: number;
}

/** The bounds, both exclusive, of the paths below a directory. */
function rangeBelow(directory: string): readonly [string, string] {
  const prefix = directory === "/" ? "" : directory;
  // "0" is the character after "/".
  return [`${prefix}/`, `${prefix}0`];
}

/** Reads volumes, their versions and entries, and small blobs. */
export class VolumeReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** The volume, deleted or not. */
  get(id: string): Promise<VolumeRow | undefined> {
    return this.db.selectFrom("volumes").selectAll().where("id", "=", id).executeTakeFirst();
  }

  /** Volumes that are not deleted, newest first. */
  list(page: PageRequest): Promise<Page<VolumeRow>> {
    return fetchPage(
      this.db.selectFrom("volumes").selectAll().where("deletedAt", "is", null),
      "id",
      page,
    );
  }

  /** Deleted volumes, and volumes with more than one version. */
  sweepable(): Promise<VolumeRow[]> {
    return this.db.selectFrom("volumes").selectAll().where((where) =>
      where.or([
        where("oldestVersion", "<", where.ref("version")),
        where("deletedAt", "is not", null),
        // What a stop has interrupted.
        where.exists((of) =>
          of.selectFrom("volumeVersions").select("volumeVersions.version")
            .whereRef("volumeVersions.volumeId", "=", "volumes.id")
            .whereRef("volumeVersions.version", "<", "volumes.oldestVersion")
        ),
      ])
    ).orderBy("id").execute();
  }

  /** The versions of a volume before one. */
  async versionsBefore(volumeId: string, version: number): Promise<Expired> {
    const row = await this.db.selectFrom("volumeVersions").where("volumeId", "=", volumeId)
      .where("version", "<", Math.min(version, Number.MAX_SAFE_INTEGER))
      .select(({ fn }) => [
        fn.countAll<number | bigint>().as("count"),
        fn.min<string | null>("createdAt").as("oldest"),
        fn.max<string | null>("createdAt").as("newest"),
      ]).executeTakeFirstOrThrow();
    return expiredOf(row);
  }

  entry(volumeId: string, path: string, version: number): Promise<VolumeEntryRow | undefined> {
    return this.#at(volumeId, version).where("path", "=", path).executeTakeFirst();
  }

  entries(query: EntryQuery): Promise<VolumeEntryRow[]> {
    const { volumeId, version, directory, recursive, after, limit } = query;
    let select = this.#at(volumeId, version);
    if (recursive) {
      const [from, to] = rangeBelow(directory);
      select = select.where("path", ">", from).where("path", "<", to);
    } else select = select.where("parent", "=", directory);
    return select.where("path", ">", after).orderBy("path").limit(limit).execute();
  }

  /** The entries of these paths in the newest version. */
  async newest(volumeId: string, paths: readonly string[]): Promise<Map<string, VolumeEntryRow>> {
    const found = new Map<string, VolumeEntryRow>();
    for (const some of groups(paths)) {
      const rows = await this.db.selectFrom("volumeEntries").selectAll()
        .where("volumeId", "=", volumeId).where("path", "in", some)
        .where("toVersion", "is", null).execute();
      for (const row of rows) found.set(row.path, row);
    }
    return found;
  }

  /** The paths among these that changed after version `base`, each with the last version that changed it. */
  async changedAfter(
    volumeId: string,
    paths: readonly string[],
    base: number,
  ): Promise<Map<string, number>> {
    const changed = new Map<string, number>();
    for (const some of groups(paths)) {
      const rows = await this.db.selectFrom("volumeEntries")
        .select(["path", "fromVersion", "toVersion"])
        .where("volumeId", "=", volumeId).where("path", "in", some)
        .where((where) =>
          where.or([where("fromVersion", ">", base), where("toVersion", ">", base)])
        )
        .execute();
      for (const { path, fromVersion, toVersion } of rows) {
        changed.set(path, Math.max(changed.get(path) ?? 0, fromVersion, toVersion ?? 0));
      }
    }
    return changed;
  }

  /** Every entry that began or ended after a version: the difference of its tree to the newest. */
  touchedAfter(volumeId: string, version: number): Promise<VolumeEntryRow[]> {
    return this.db.selectFrom("volumeEntries").selectAll().where("volumeId", "=", volumeId)
      .where((where) =>
        where.or([where("fromVersion", ">", version), where("toVersion", ">", version)])
      ).execute();
  }

  version(volumeId: string, version: number): Promise<VolumeVersionRow | undefined> {
    return this.db.selectFrom("volumeVersions").selectAll().where("volumeId", "=", volumeId)
      .where("version", "=", version).executeTakeFirst();
  }

  /** Versions that are not pruned, newest first. */
  async versions(volumeId: string, page: PageRequest): Promise<Page<VolumeVersionRow>> {
    let select = this.db.selectFrom("volumeVersions").selectAll()
      .where("volumeId", "=", volumeId).orderBy("version", "desc").limit(page.size + 1);
    if (page.after !== undefined) select = select.where("version", "<", Number(page.after));
    const rows = (await select.execute()).map((row) => ({ ...row, id: String(row.version) }));
    return cut(rows, page.size);
  }

  /** The oldest version at or after a time; undefined if none was made since. */
  async oldestVersionAfter(volumeId: string, time: string): Promise<number | undefined> {
    const row = await this.db.selectFrom("volumeVersions").select("version")
      .where("volumeId", "=", volumeId).where("createdAt", ">=", time)
      .orderBy("version").limit(1).executeTakeFirst();
    return row?.version;
  }

  /** The bytes of files that each version replaced or removed, newest version first. */
  endedBytes(volumeId: string): Promise<{ version: number; bytes: number }[]> {
    return this.db.selectFrom("volumeEntries")
      .select(({ fn, ref }) => [
        ref("toVersion").$notNull().as("version"),
        fn.sum<number>("size").as("bytes"),
      ])
      .where("volumeId", "=", volumeId).where("toVersion", "is not", null)
      .groupBy("toVersion").orderBy("toVersion", "desc").execute();
  }

  /** The digests among these that an entry of any version references. */
  async referencedBlobs(digests: readonly string[]): Promise<Set<string>> {
    const referenced = new Set<string>();
    for (const some of groups(digests)) {
      const rows = await this.db.selectFrom("volumeEntries").select("digest").distinct()
        .where("digest", "in", some).where("digest", "is not", null).execute();
      for (const { digest } of rows) if (digest !== null) referenced.add(digest);
    }
    return referenced;
  }

  /** A file for each digest after `after`, in their order; only of files larger than `minSize`. */
  blobs(after: string, minSize: number): Promise<BlobUse[]> {
    return this.db.selectFrom("volumeEntries")
      .select(({ fn, ref }) => [
        ref("digest").$notNull().as("digest"),
        fn.min<string>("volumeId").as("volumeId"),
        fn.min<string>("path").as("path"),
        fn.min<number>("size").as("size"),
      ])
      .where("digest", "is not", null).where("digest", ">", after).where("size", ">", minSize)
      .groupBy("digest").orderBy("digest").limit(VALUES_PER_STATEMENT_MAX).execute();
  }

  async smallBlob(digest: string): Promise<Uint8Array | undefined> {
    const row = await this.db.selectFrom("smallContents").select("content")
      .where("digest", "=", digest).executeTakeFirst();
    return row?.content;
  }

  #at(volumeId: string, version: number) {
    return this.db.selectFrom("volumeEntries").selectAll().where("volumeId", "=", volumeId)
      .where("fromVersion", "<=", version)
      .where((where) =>
        where.or([where("toVersion", "is", null), where("toVersion", ">", version)])
      );
  }
}

/** Writes volumes, their versions and entries, and small blobs. */
export class VolumeWriter extends VolumeReader {
  async insert(row: VolumeRow): Promise<void> {
    await this.db.insertInto("volumes").values(row).execute();
  }

  async update(id: string, change: Updateable<VolumeTable>): Promise<void> {
    await this.db.updateTable("volumes").set(change).where("id", "=", id).execute();
  }

  async insertVersion(row: VolumeVersionRow): Promise<void> {
    await this.db.insertInto("volumeVersions").values(row).execute();
  }

  /** Ends the entries of these paths in the newest version. */
  async endEntries(volumeId: string, paths: readonly string[], version: number): Promise<void> {
    for (const some of groups(paths)) {
      await this.db.updateTable("volumeEntries").set({ toVersion: version })
        .where("volumeId", "=", volumeId).where("path", "in", some)
        .where("toVersion", "is", null).execute();
    }
  }

  async insertEntries(rows: readonly VolumeEntryRow[]): Promise<void> {
    for (const some of groups(rows)) {
      await this.db.insertInto("volumeEntries").values(some).execute();
    }
  }

  async putSmallBlob(digest: string, content: Uint8Array): Promise<void> {
    await this.db.insertInto("smallContents").values({ digest, content })
      .onConflict((c) => c.column("digest").doNothing()).execute();
  }

  /**
   * Deletes some of the versions before `oldest`, with the entries that only they have. Nobody can read any of these
   * versions once the first step is committed; {@link sweepable} names the volume until the last one is.
   * @param limit the most entries and versions of one step
   */
  async prune(volumeId: string, oldest: number, limit: number): Promise<PruneStep> {
    // Another node may have pruned more since.
    await this.db.updateTable("volumes").set({ oldestVersion: oldest })
      .where("id", "=", volumeId).where("oldestVersion", "<", oldest).execute();
    return await this.#deleteVersions(volumeId, oldest, limit);
  }

  /** Deletes some of a deleted volume's versions and entries, and the volume once none is left. */
  async delete(volumeId: string, limit: number): Promise<PruneStep> {
    const step = await this.#deleteVersions(volumeId, Infinity, limit);
    if (step.isLast) await this.db.deleteFrom("volumes").where("id", "=", volumeId).execute();
    return step;
  }

  /** Versions go after the last of their entries. */
  async #deleteVersions(volumeId: string, oldest: number, limit: number): Promise<PruneStep> {
    const bound = Math.min(oldest, Number.MAX_SAFE_INTEGER);
    let ended = this.db.selectFrom("volumeEntries").select(["path", "fromVersion"])
      .where("volumeId", "=", volumeId).limit(limit);
    if (oldest !== Infinity) ended = ended.where("toVersion", "<=", oldest);
    const entries = await this.db.deleteFrom("volumeEntries").where("volumeId", "=", volumeId)
      .where(({ eb, refTuple }) =>
        eb(refTuple("path", "fromVersion"), "in", ended.$asTuple("path", "fromVersion"))
      ).executeTakeFirst();
    if (Number(entries.numDeletedRows) === limit) return { versions: 0, isLast: false };
    const last = await this.db.selectFrom("volumeVersions").select("version")
      .where("volumeId", "=", volumeId).where("version", "<", bound).orderBy("version")
      .offset(limit - 1).limit(1).executeTakeFirst();
    const { numDeletedRows } = await this.db.deleteFrom("volumeVersions")
      .where("volumeId", "=", volumeId).where("version", "<", bound)
      .where("version", "<=", last?.version ?? bound).executeTakeFirst();
    return { versions: Number(numDeletedRows), isLast: last === undefined };
  }

  /**
   * Deletes those of the first small blobs after a digest that no entry references.
   * @param limit the most that one step looks at
   * @returns the digest after which the next step begins; undefined after the last one
   */
  async deleteUnreferencedSmallBlobs(after: string, limit: number): Promise<string | undefined> {
    const last = await this.db.selectFrom("smallContents").select("digest")
      .where("digest", ">", after).orderBy("digest").offset(limit - 1).limit(1).executeTakeFirst();
    let query = this.db.deleteFrom("smallContents").where("digest", ">", after)
      .where(({ not, exists, selectFrom }) =>
        not(exists(
          selectFrom("volumeEntries").select("volumeEntries.path")
            .whereRef("volumeEntries.digest", "=", "smallContents.digest")
            .where("volumeEntries.digest", "is not", null),
        ))
      );
    if (last !== undefined) query = query.where("digest", "<=", last.digest);
    await query.execute();
    return last?.digest;
  }
}

function* groups<T>(values: readonly T[]): Generator<T[]> {
  for (let at = 0; at < values.length; at += VALUES_PER_STATEMENT_MAX) {
    yield values.slice(at, at + VALUES_PER_STATEMENT_MAX);
  }
}
