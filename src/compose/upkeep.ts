import type { Config } from "../config/mod.ts";
import type { Audit } from "../domain/audit/audit.ts";
import { Housekeeping } from "../domain/housekeeping.ts";
import type { Ownership } from "../domain/ownership/contract.ts";
import { type RunVerification, VerificationSchedule } from "../domain/verification/schedule.ts";
import type { Snapshots } from "../domain/volumes/snapshots.ts";
import { VolumeSweep } from "../domain/volumes/sweep.ts";
import type { Store } from "../store/mod.ts";

/** Starts what deletes and verifies stored data at intervals. `opened` closes it. */
export function openUpkeep(
  { volumes, server: { verifyIntervalMs } }: Config,
  { store, snapshots, ownership, audit, verify }: {
    readonly store: Store;
    readonly audit: Audit;
    readonly snapshots: Snapshots;
    readonly ownership: Ownership;
    /** Undefined for a server that ends soon. */
    readonly verify: RunVerification | undefined;
  },
  opened: AsyncDisposableStack,
): void {
  const { node } = ownership;
  opened.use(new Housekeeping(store, node, audit));
  opened.use(new VolumeSweep(store, snapshots, ownership, volumes));
  if (verify === undefined) return;
  opened.use(new VerificationSchedule(store, node, verifyIntervalMs, verify));
}
