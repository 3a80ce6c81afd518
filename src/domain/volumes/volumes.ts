import { formatBytes } from "../../config/mod.ts";
import type { Readers, Store, Writers } from "../../store/mod.ts";
import type { VolumeEntryRow, VolumeRow, VolumeVersionRow } from "../../store/volumes.ts";
import { DomainError, invalid } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { type Principal, shownId } from "../identity/mod.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { emptyVolume } from "./empty_volume.ts";
import { volumeNotFound } from "./snapshots.ts";
import {
  type Change,
  commitWriteSet,
  type VolumeLimits,
  type WriteSetCommit,
} from "./write_set.ts";

/** When a caller whose volume is full may try again: files have to be deleted first. */
const QUOTA_RETRY_AFTER_SECONDS = 60;

/** Volumes: trees of files with versions. */
export class Volumes {
  constructor(
    private readonly store: Store,
    private readonly pages: Pages,
    private readonly ids: Ids,
    private readonly limits: VolumeLimits,
  ) {}

  /** @param request.quotaBytes undefined for the limit of all volumes */
  async create(
    request: { readonly displayName: string; readonly quotaBytes: number | undefined },
  ): Promise<VolumeRow> {
    const { displayName, quotaBytes = this.limits.maxBytes } = request;
    if (quotaBytes < 1 || quotaBytes > this.limits.maxBytes) {
      throw invalid({
        field: "quotaBytes",
        description: `${formatBytes(quotaBytes)} is not between 1 B and ` +
          `${formatBytes(this.limits.maxBytes)} (--max-volume)`,
      });
    }
    const row = emptyVolume({ id: this.ids.next(), displayName, quotaBytes });
    await this.store.write(async (tx) => {
      await tx.volumes.insert(row);
      await tx.volumes.insertVersion({
        volumeId: row.id,
        version: 0,
        createdAt: row.createdAt,
        invocationId: null,
        principalId: null,
        restoredVersion: null,
        paths: "[]",
        pathCount: 0,
      });
    });
    return row;
  }

  /** @throws VOLUME_NOT_FOUND */
  async get(id: string): Promise<VolumeRow> {
    return await liveVolume(this.store.read, id);
  }

  /** Newest first. */
  async list(query: PageQuery): Promise<ListPage<VolumeRow>> {
    const page = this.pages.open(["volumes"], query);
    return page.of(await this.store.read.volumes.list(page));
  }

  /**
   * Marks a volume as deleted. Open snapshots can be read to their end; then a sweep deletes it.
   * @throws VOLUME_NOT_FOUND, VOLUME_BOUND
   */
  async delete(by: Principal, id: string): Promise<void> {
    const deletedAt = new Date().toISOString();
    await this.store.writeLocked([locks.ofVolume(id)], async (tx) => {
      await liveVolume(tx, id);
      const functionId = await tx.functions.boundTo(id);
      if (functionId !== undefined) {
        const shown = shownId(by, functionId);
        const which = shown === undefined ? "a function" : `function ${shown}`;
        throw new DomainError("VOLUME_BOUND", `Volume ${id} is in use: ${which} is bound to it`);
      }
      const trigger = await tx.triggers.boundTo(id);
      if (trigger !== undefined) {
        const shown = shownId(by, trigger.functionId);
        const which = shown === undefined
          ? "a trigger"
          : `trigger ${trigger.id} of function ${shown}`;
        throw new DomainError("VOLUME_BOUND", `Volume ${id} is in use: ${which} is bound to it`);
      }
      await tx.volumes.update(id, { deletedAt });
    });
  }

  /** The versions that can be restored, newest first. @throws VOLUME_NOT_FOUND */
  async versions(id: string, query: PageQuery): Promise<ListPage<VolumeVersionRow>> {
    await this.get(id);
    const page = this.pages.open(["volume versions", id], query);
    return page.of(await this.store.read.volumes.versions(id, page));
  }

  /**
   * Commits the tree of an earlier version as a new one. Returns the volume.
   * @throws VOLUME_NOT_FOUND, VOLUME_VERSION_NOT_FOUND, VOLUME_QUOTA
   */
  async restore(by: Principal, id: string, version: number): Promise<VolumeRow> {
    return await this.store.writeLocked(locks.ofVolumeEntries(id), async (tx) => {
      const volume = await liveVolume(tx, id);
      if (version < volume.oldestVersion || version > volume.version) {
        throw new DomainError(
          "VOLUME_VERSION_NOT_FOUND",
          `Version ${version} of volume ${id} does not exist: the volume has versions ` +
            `${volume.oldestVersion} to ${volume.version}, and keeps earlier versions for --volume-history`,
        );
      }
      await commitRequest(tx, {
        volumeId: id,
        changes: changesBack(await tx.volumes.touchedAfter(id, version), version),
        by: { principalId: by.id, restoredVersion: version },
        limits: this.limits,
      });
      return await liveVolume(tx, id);
    });
  }
}

/** The changes from the newest tree to that of a version. */
function changesBack(touched: readonly VolumeEntryRow[], version: number): Map<string, Change> {
  const changes = new Map<string, Change>();
  const byPath = Map.groupBy(touched, ({ path }) => path);
  for (const [path, rows] of byPath) {
    const then = rows.find(({ fromVersion }) => fromVersion <= version);
    const now = rows.find(({ toVersion }) => toVersion === null);
    if (then === undefined) {
      if (now !== undefined) changes.set(path, { kind: "removed" });
    } else if (then.kind === "directory") {
      changes.set(path, { kind: "directory", modifiedAt: then.modifiedAt, mayExist: true });
    } else if (then.digest !== null && now?.digest !== then.digest) {
      const { digest, size, modifiedAt } = then;
      changes.set(path, { kind: "file", digest, size, small: undefined, modifiedAt });
    }
  }
  return changes;
}

/** @throws VOLUME_NOT_FOUND for a volume that does not exist or is deleted */
export async function liveVolume(
  from: Pick<Writers | Readers, "volumes">,
  id: string,
): Promise<VolumeRow> {
  const volume = await from.volumes.get(id);
  if (volume === undefined || volume.deletedAt !== null) throw volumeNotFound(id);
  return volume;
}

/** Commits the changes of a request, which apply to any version. @throws VOLUME_QUOTA, VOLUME_NOT_FOUND */
export async function commitRequest(
  tx: Writers,
  request: Omit<WriteSetCommit, "base">,
): Promise<void> {
  const result = await commitWriteSet(tx, { ...request, base: undefined });
  switch (result.kind) {
    case "committed":
    case "unchanged":
      return;
    case "over-quota":
      throw overQuota(result.message);
    case "deleted":
      throw volumeNotFound(request.volumeId);
    case "conflict":
    case "unfinished":
      throw new Error(
        `Changes without a base were not committed: ${result.kind} at ${result.path}`,
      );
  }
}

export function overQuota(message: string): DomainError {
  return new DomainError("VOLUME_QUOTA", message, {
    retryAfterSeconds: QUOTA_RETRY_AFTER_SECONDS,
  });
}
