import { formatBytes, formatCount } from "../../config/mod.ts";
import type { Writers } from "../../store/mod.ts";
import type { VolumeEntryRow, VolumeRow } from "../../store/volumes.ts";
import { comparePaths, isBelow, parentOf } from "./paths.ts";

/** Changed paths that a version records; of further ones it records the number. */
const RECORDED_PATHS_MAX = 100;

/** The change of one path. */
export type Change =
  | {
    readonly kind: "file";
    readonly digest: string;
    readonly size: number;
    /** The bytes to write to the table of small blobs; undefined if the blob is stored already. */
    readonly small: Uint8Array | undefined;
    readonly modifiedAt: string;
  }
  | {
    readonly kind: "directory";
    readonly modifiedAt: string;
    /** Whether its creation by another invocation is no conflict. */
    readonly mayExist: boolean;
  }
  | { readonly kind: "removed" };

/** Changes by path. Paths are normalised by `volumePath`; the root is not among them. */
type WriteSet = ReadonlyMap<string, Change>;

/** The limits of all volumes; each is a named setting in `src/config`. */
export interface VolumeLimits {
  readonly maxBytes: number;
  readonly maxEntries: number;
  readonly maxFileBytes: number;
}

export interface WriteSetCommit {
  readonly volumeId: string;
  readonly changes: WriteSet;
  /** The version of the snapshot of the changes; undefined for changes that apply to any version. */
  readonly base: number | undefined;
  readonly by:
    | { readonly invocationId: string }
    | { readonly principalId: string; readonly restoredVersion?: number };
  readonly limits: VolumeLimits;
}

/** The result of a commit. Only `committed` has changed the volume. */
export type WriteSetResult =
  | { readonly kind: "committed"; readonly version: number }
  | { readonly kind: "unchanged"; readonly version: number }
  | { readonly kind: "deleted" }
  /** `now` is the version that changed the path. */
  | { readonly kind: "conflict"; readonly path: string; readonly now: number }
  | { readonly kind: "over-quota"; readonly message: string }
  /** The file at this path was not written to its end. */
  | { readonly kind: "unfinished"; readonly path: string };

/** The error codes of invocations whose changes to a volume could not be committed. */
export type VolumeErrorCode = "VFS_CONFLICT" | "VFS_QUOTA" | "VFS_UNFINISHED";

/** Commits the changes as the next version of the volume, all or none, inside the caller's transaction. */
export async function commitWriteSet(
  tx: Writers,
  commit: WriteSetCommit,
): Promise<WriteSetResult> {
  const { volumeId, base, limits } = commit;
  const volume = await tx.volumes.get(volumeId);
  if (volume === undefined || volume.deletedAt !== null) return { kind: "deleted" };
  const paths = [...commit.changes.keys()].sort(comparePaths);
  const before = await tx.volumes.newest(volumeId, paths);
  if (base !== undefined) {
    const conflict = await findConflict(tx, commit, paths, before, base);
    if (conflict !== undefined) return conflict;
  }
  const changed = paths.filter((path) => isChange(commit.changes.get(path), before.get(path)));
  if (changed.length === 0) return { kind: "unchanged", version: volume.version };
  const totals = totalsAfter(volume, changed, commit.changes, before);
  const message = overQuota(volume, totals, limits);
  if (message !== undefined) return { kind: "over-quota", message };
  const version = volume.version + 1;
  await write(tx, commit, { changed, before, version });
  await tx.volumes.update(volumeId, { ...totals, version, updatedAt: new Date().toISOString() });
  return { kind: "committed", version };
}

/** The first path, in the order of paths, that another commit changed after `base`. */
async function findConflict(
  tx: Writers,
  { volumeId, changes }: WriteSetCommit,
  paths: readonly string[],
  before: ReadonlyMap<string, VolumeEntryRow>,
  base: number,
): Promise<WriteSetResult | undefined> {
  const changedMeanwhile = await tx.volumes.changedAfter(volumeId, paths, base);
  for (const path of paths) {
    const now = changedMeanwhile.get(path);
    if (now === undefined) continue;
    const change = changes.get(path);
    const merges = change?.kind === "directory" && change.mayExist &&
      before.get(path)?.kind === "directory";
    if (!merges) return { kind: "conflict", path, now };
  }
  // The directory of each path that is written must still exist.
  const parents = new Set(
    paths.filter((path) => changes.get(path)?.kind !== "removed").map(parentOf)
      .filter((parent) => parent !== "/" && !changes.has(parent)),
  );
  const present = await tx.volumes.newest(volumeId, [...parents]);
  const missing = [...parents].filter((parent) => present.get(parent)?.kind !== "directory");
  const [parent] = missing.sort(comparePaths);
  if (parent !== undefined) return await conflictAt(tx, volumeId, parent, base);
  // A directory that is removed must have no descendants beyond those that the changes remove.
  let last: string | undefined;
  for (const path of paths) {
    if (before.get(path)?.kind !== "directory" || changes.get(path)?.kind === "directory") continue;
    if (last !== undefined && isBelow(path, last)) continue;
    last = path;
    const remaining = await findRemaining(tx, volumeId, path, changes);
    if (remaining !== undefined) return await conflictAt(tx, volumeId, remaining, base);
  }
  return undefined;
}

/** A path below the directory that the changes do not remove. */
async function findRemaining(
  tx: Writers,
  volumeId: string,
  directory: string,
  changes: WriteSet,
): Promise<string | undefined> {
  for await (const path of subtree(tx, volumeId, directory)) {
    if (changes.get(path)?.kind !== "removed") return path;
  }
  return undefined;
}

async function conflictAt(
  tx: Writers,
  volumeId: string,
  path: string,
  base: number,
): Promise<WriteSetResult> {
  const now = (await tx.volumes.changedAfter(volumeId, [path], base)).get(path) ?? base;
  return { kind: "conflict", path, now };
}

/** Whether a change changes the tree. A file that is written with the same content does. */
function isChange(change: Change | undefined, before: VolumeEntryRow | undefined): boolean {
  switch (change?.kind) {
    case "file":
      return true;
    case "directory":
      return before?.kind !== "directory";
    default:
      return before !== undefined;
  }
}

type Totals = Pick<VolumeRow, "usedBytes" | "fileCount" | "directoryCount">;

function totalsAfter(
  volume: VolumeRow,
  changed: readonly string[],
  changes: WriteSet,
  before: ReadonlyMap<string, VolumeEntryRow>,
): Totals {
  let { usedBytes, fileCount, directoryCount } = volume;
  for (const path of changed) {
    const [old, change] = [before.get(path), changes.get(path)];
    usedBytes += (change?.kind === "file" ? change.size : 0) - (old?.size ?? 0);
    fileCount += Number(change?.kind === "file") - Number(old?.kind === "file");
    directoryCount += Number(change?.kind === "directory") - Number(old?.kind === "directory");
  }
  return { usedBytes, fileCount, directoryCount };
}

/** Why the totals exceed a limit; undefined if they do not. A change that makes a volume smaller never does. */
function overQuota(volume: VolumeRow, after: Totals, limits: VolumeLimits): string | undefined {
  if (after.usedBytes > volume.quotaBytes && after.usedBytes > volume.usedBytes) {
    return quotaMessage(volume, after.usedBytes);
  }
  const entries = after.fileCount + after.directoryCount;
  if (entries > limits.maxEntries && entries > volume.fileCount + volume.directoryCount) {
    return `Volume ${volume.id} is full: it would have ${formatCount(entries)} files ` +
      `and directories, the limit is ${formatCount(limits.maxEntries)} (--max-volume-files), ` +
      `and it has ${formatCount(volume.fileCount + volume.directoryCount)}`;
  }
  return undefined;
}

/** The message of a write beyond the quota of a volume. */
export function quotaMessage(
  { id, quotaBytes, usedBytes }: Pick<VolumeRow, "id" | "quotaBytes" | "usedBytes">,
  wouldHold: number,
): string {
  return `Volume ${id} is full: it would hold ${formatCount(wouldHold)} B, its quota is ` +
    `${formatCount(quotaBytes)} B, and it holds ${formatCount(usedBytes)} B`;
}

/** The message of a file over the limit. */
export function fileTooLargeMessage(path: string, { maxFileBytes }: VolumeLimits): string {
  return `File ${JSON.stringify(path)} is too large: the limit of a file is ` +
    `${formatBytes(maxFileBytes)} (--max-volume-file)`;
}

async function write(
  tx: Writers,
  { volumeId, changes, by }: WriteSetCommit,
  { changed, before, version }: {
    readonly changed: readonly string[];
    readonly before: ReadonlyMap<string, VolumeEntryRow>;
    readonly version: number;
  },
): Promise<void> {
  await tx.volumes.endEntries(volumeId, changed.filter((path) => before.has(path)), version);
  const rows: VolumeEntryRow[] = [];
  for (const path of changed) {
    const change = changes.get(path);
    if (change === undefined || change.kind === "removed") continue;
    if (change.kind === "file" && change.small !== undefined) {
      await tx.volumes.putSmallBlob(change.digest, change.small);
    }
    rows.push({
      volumeId,
      path,
      fromVersion: version,
      toVersion: null,
      parent: parentOf(path),
      kind: change.kind,
      digest: change.kind === "file" ? change.digest : null,
      size: change.kind === "file" ? change.size : 0,
      modifiedAt: change.modifiedAt,
    });
  }
  await tx.volumes.insertEntries(rows);
  await tx.volumes.insertVersion({
    volumeId,
    version,
    createdAt: new Date().toISOString(),
    invocationId: "invocationId" in by ? by.invocationId : null,
    principalId: "principalId" in by ? by.principalId : null,
    restoredVersion: "principalId" in by ? by.restoredVersion ?? null : null,
    paths: JSON.stringify(changed.slice(0, RECORDED_PATHS_MAX)),
    pathCount: changed.length,
  });
}

/** Entries of one query. */
const ENTRIES_PER_STEP = 1000;

/** Paths below a directory in the newest version, in order. */
export async function* subtree(
  tx: Writers,
  volumeId: string,
  directory: string,
): AsyncGenerator<string> {
  let after = "";
  for (;;) {
    const rows = await tx.volumes.entries({
      volumeId,
      version: Number.MAX_SAFE_INTEGER,
      directory,
      recursive: true,
      after,
      limit: ENTRIES_PER_STEP,
    });
    for (const { path } of rows) yield path;
    if (rows.length < ENTRIES_PER_STEP) return;
    after = rows.at(-1)?.path ?? "";
  }
}
