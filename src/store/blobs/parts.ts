import type { ContentLock } from "../content_lock.ts";
import type { DamageLog } from "../damage.ts";
import type { StorageHealth } from "../storage_health.ts";
import type { VolumeReader } from "../volumes.ts";

/** What blobs need of their store. */
export interface BlobParts {
  readonly volumes: VolumeReader;
  /** Of what stores the blobs. */
  readonly health: StorageHealth;
  /** Gets what reads find. */
  readonly damage: DamageLog;
  /** Keeps deletions off while a backup reads. */
  readonly contentLock: ContentLock;
}
