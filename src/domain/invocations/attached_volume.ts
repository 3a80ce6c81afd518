import { getLogger } from "@logtape/logtape";
import type { Outcome } from "../../engine/contract.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { Readers, Store, Writers } from "../../store/mod.ts";
import { MAY_READ_VOLUME, type Principal, requirePermission } from "../identity/mod.ts";
import { locks } from "../locks.ts";
import { VolumeSession } from "../volumes/session.ts";
import type { Snapshots } from "../volumes/snapshots.ts";
import { liveVolume } from "../volumes/volumes.ts";
import type { VolumeErrorCode, VolumeLimits, WriteSetResult } from "../volumes/write_set.ts";
import type { Invoke } from "./invoke.ts";

const logger = getLogger(["invoked", "volumes"]);

/** An outcome, and the versions of the volume that belong to its record. */
interface VolumeOutcome {
  readonly outcome: Outcome;
  readonly volumeVersionRead: number;
  /** Absent when the invocation changed nothing. */
  readonly volumeVersionWritten?: number;
}

/** The volume of a running invocation: a success commits its changes, everything else drops them. */
export class AttachedVolume implements AsyncDisposable {
  private constructor(
    readonly session: VolumeSession,
    private readonly invocationId: string,
  ) {}

  /** @throws VOLUME_NOT_FOUND */
  static async open(
    { store, snapshots, limits }: {
      readonly store: Store;
      readonly snapshots: Snapshots;
      readonly limits: VolumeLimits;
    },
    volumeId: string,
    invocationId: string,
  ): Promise<AttachedVolume> {
    const session = await VolumeSession.open(store, snapshots, volumeId, limits);
    return new AttachedVolume(session, invocationId);
  }

  /** Locks of the transaction of {@link prepare}. */
  get locks(): readonly string[] {
    return locks.ofVolumeEntries(this.session.volumeId);
  }

  /**
   * Makes the changes of a success durable, though part of no version yet. Answers the commit, which runs inside the
   * transaction that records the outcome and says what that outcome is.
   */
  async prepare(outcome: Outcome): Promise<(tx: Writers) => Promise<VolumeOutcome>> {
    const volumeVersionRead = this.session.version;
    if (outcome.kind !== "success") return () => Promise.resolve({ outcome, volumeVersionRead });
    const commit = await this.session.prepare(this.invocationId);
    return async (tx) => {
      const result = await commit(tx);
      switch (result.kind) {
        case "committed":
          return { outcome, volumeVersionRead, volumeVersionWritten: result.version };
        case "unchanged":
          return { outcome, volumeVersionRead };
        default:
          return { outcome: failureOf(result, this.session), volumeVersionRead };
      }
    };
  }

  /** The outcome is recorded by now, so an error here must not change it; the sweep removes what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.session[Symbol.asyncDispose]();
    } catch (error) {
      const { invocationId } = this;
      logger.error("Failed to close the volume of invocation {invocationId}", {
        invocationId,
        error,
      });
    }
  }
}

function failureOf(
  result: Exclude<WriteSetResult, { readonly kind: "committed" | "unchanged" }>,
  { volumeId, version }: VolumeSession,
): Outcome {
  const failed = (code: VolumeErrorCode, message: string): Outcome => ({
    kind: "error",
    code,
    message,
  });
  switch (result.kind) {
    case "conflict":
      return failed(
        "VFS_CONFLICT",
        `${result.path} changed since this invocation started (version ${version}, now ${result.now})`,
      );
    case "deleted":
      return failed(
        "VFS_CONFLICT",
        `volume ${volumeId} was deleted since this invocation started`,
      );
    case "over-quota":
      return failed("VFS_QUOTA", result.message);
    case "unfinished":
      return failed(
        "VFS_UNFINISHED",
        `${result.path} was still being written when the function returned: await the write`,
      );
  }
}

/**
 * The volume of a new invocation: that of its request or of its function; null for none.
 * @throws ROLE_MISSING for another volume than that of the function, unless the caller may read volumes; VOLUME_NOT_FOUND
 */
export async function volumeToAttach(
  read: Pick<Readers, "volumes">,
  by: Principal,
  fn: Pick<FunctionRow, "volumeId">,
  { vfsId, trigger }: Pick<Invoke, "vfsId" | "trigger">,
): Promise<string | null> {
  const volumeId = vfsId === "" ? fn.volumeId : vfsId;
  // The volumes of triggers and replays were attached before.
  if (trigger === undefined && volumeId !== fn.volumeId) requirePermission(by, MAY_READ_VOLUME);
  if (volumeId !== null) await liveVolume(read, volumeId);
  return volumeId;
}
