import { getLogger } from "@logtape/logtape";
import type { Outcome } from "../../engine/contract.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { locks } from "../locks.ts";
import { VolumeSession } from "../volumes/session.ts";
import type { Snapshots } from "../volumes/snapshots.ts";
import type { VolumeErrorCode, VolumeLimits, WriteSetResult } from "../volumes/write_set.ts";

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
