/** Blobs on disk, or in the object store. */
import { join } from "node:path";
import type { ObjectBucket } from "../../shared/objects.ts";
import { type BlobPaths, prepareBlobDirectories } from "../data_layout.ts";
import { StorageHealth } from "../storage_health.ts";
import type { CommitBlobs } from "./commit_blobs.ts";
import { DiskCommitBlobs } from "./disk_commit_blobs.ts";
import { DiskVolumeBlobs } from "./disk_volume_blobs.ts";
import { ObjectCommitBlobs } from "./object_commit_blobs.ts";
import { ObjectVolumeBlobs } from "./object_volume_blobs.ts";
import type { BlobParts } from "./parts.ts";
import type { VolumeBlobs } from "./volume_blobs.ts";

/** The buckets of an object store. The store does not close them. */
export interface ObjectBuckets {
  readonly commits: ObjectBucket;
  readonly volumes: ObjectBucket;
}

/** The blobs of a store. Disposing it ends probes. */
export interface Blobs extends Disposable {
  readonly commitBlobs: CommitBlobs;
  readonly volumeBlobs: VolumeBlobs;
  /** Whether database and blobs can be written now. */
  readonly health: Pick<StorageHealth, "error" | "available">;
}

/**
 * Opens the blobs once the database is migrated.
 * @param parts with the health of the data directory's disk, and of the database
 */
export type OpenBlobs = (parts: BlobParts) => Promise<Blobs>;

/**
 * Finds where the blobs are, before the database is migrated.
 * @param objects where they are, if not in the data directory, which then holds staged blobs alone
 * @throws DataDirError
 */
export async function prepareBlobs(
  dataDir: string,
  objects: ObjectBuckets | undefined,
): Promise<OpenBlobs> {
  if (objects !== undefined) {
    const staging = join(dataDir, "cache", "staging");
    return (parts) => openObjectBlobs(objects, staging, parts);
  }
  const paths = await prepareBlobDirectories(dataDir);
  return (parts) => openDiskBlobs(paths, parts);
}

async function openDiskBlobs(
  paths: BlobPaths,
  parts: BlobParts,
): Promise<Blobs> {
  return {
    commitBlobs: new DiskCommitBlobs(paths.commitBlobs, parts),
    volumeBlobs: await DiskVolumeBlobs.open(paths.volumeBlobs, parts),
    health: parts.health,
    [Symbol.dispose]() {},
  };
}

async function openObjectBlobs(
  buckets: ObjectBuckets,
  staging: string,
  { volumes, health: diskHealth, damage, contentLock }: BlobParts,
): Promise<Blobs> {
  // Separate from the health of the database, whose writes continue while the object store accepts none.
  const health = new StorageHealth(async () => {
    await buckets.commits.probe();
    await buckets.volumes.probe();
  }, () => {});
  const parts = { volumes, diskHealth, health, damage, contentLock };
  return {
    commitBlobs: new ObjectCommitBlobs(buckets.commits, parts),
    volumeBlobs: await ObjectVolumeBlobs.open(buckets.volumes, staging, parts),
    health: {
      get error() {
        return diskHealth.error ?? health.error;
      },
      async available() {
        await diskHealth.available();
        await health.available();
      },
    },
    [Symbol.dispose]: () => health[Symbol.dispose](),
  };
}
