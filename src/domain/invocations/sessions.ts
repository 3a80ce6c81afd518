import { getLogger } from "@logtape/logtape";
import { CannotOpenSession, type Conclusion, type Session } from "../../engine/contract.ts";
import { type HostCall, HostCallError, type HostReply } from "../../sandbox/contract.ts";
import type { InvocationEnd, InvocationRow } from "../../store/invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";
import type { Secrets } from "../functions/secrets.ts";
import { answerVfsCall, VFS_PREFIX } from "../volumes/host_calls.ts";
import { VolumeSession } from "../volumes/session.ts";
import type { Snapshots } from "../volumes/snapshots.ts";
import type { VolumeLimits, WriteSetResult } from "../volumes/write_set.ts";

const logger = getLogger(["invoked", "volumes"]);

/** The words that errors of invocations begin with when what they wrote cannot stand. */
export type VolumeErrorWord = "VFS_CONFLICT" | "VFS_QUOTA" | "VFS_UNFINISHED";

/** Answers one kind of question for an invocation. May throw `HostCallError`. */
export type HostMethod = (call: HostCall, invocation: InvocationRow) => Promise<HostReply>;

/** What invocations have of the server while they run: their configuration, their volume, and answers. */
export class Sessions {
  /** By the name under which functions ask. */
  readonly #methods = new Map<string, HostMethod>();

  constructor(
    private readonly store: Store,
    private readonly snapshots: Snapshots,
    private readonly volumeLimits: VolumeLimits,
    private readonly secrets: Secrets,
  ) {}

  /** Adds methods of a room above; call before the first invocation. */
  provide(methods: ReadonlyMap<string, HostMethod>): void {
    for (const [name, method] of methods) this.#methods.set(name, method);
  }

  /** @throws CannotOpenSession where the volume was deleted meanwhile */
  async open(invocation: InvocationRow): Promise<Session> {
    const config = { secrets: await this.secrets.read(invocation.functionId) };
    const volume = await this.#openVolume(invocation);
    return {
      config,
      host: { call: (call) => this.#call(call, invocation, volume) },
      conclude: (end) => conclude(volume, invocation.id, end),
      [Symbol.asyncDispose]: () => close(volume, invocation.id),
    };
  }

  async #openVolume({ volumeId }: InvocationRow): Promise<VolumeSession | undefined> {
    if (volumeId === null) return undefined;
    try {
      return await VolumeSession.open(this.store, this.snapshots, volumeId, this.volumeLimits);
    } catch (error) {
      if (!(error instanceof DomainError && error.reason === "VOLUME_NOT_FOUND")) throw error;
      throw new CannotOpenSession(`its volume ${volumeId} was deleted before it started`);
    }
  }

  async #call(
    call: HostCall,
    invocation: InvocationRow,
    volume: VolumeSession | undefined,
  ): Promise<HostReply> {
    if (call.method.startsWith(VFS_PREFIX)) return await answerVfsCall(volume, call);
    const method = this.#methods.get(call.method);
    if (method === undefined) {
      throw new HostCallError("UNIMPLEMENTED", `this server has no method ${call.method}`);
    }
    return await method(call, invocation);
  }
}

/** The end is recorded by now: what cannot be tidied up here must not change it. The sweep finds the rest. */
async function close(volume: VolumeSession | undefined, invocationId: string): Promise<void> {
  try {
    await volume?.[Symbol.asyncDispose]();
  } catch (error) {
    logger.error("Cannot let go of the volume of invocation {invocationId}", {
      invocationId,
      error,
    });
  }
}

/** A success commits what the invocation wrote, or becomes an error where that cannot stand. */
async function conclude(
  volume: VolumeSession | undefined,
  invocationId: string,
  end: InvocationEnd,
): Promise<((tx: Writers) => Promise<Conclusion>) | undefined> {
  if (volume === undefined) return undefined;
  const volumeVersionRead = volume.version;
  if (end.status !== "SUCCESS") return () => Promise.resolve({ end, volumeVersionRead });
  const commit = await volume.prepare(invocationId);
  return async (tx) => {
    const result = await commit(tx);
    if (result.kind === "committed") {
      return { end, volumeVersionRead, volumeVersionWritten: result.version };
    }
    if (result.kind === "unchanged") return { end, volumeVersionRead };
    const error = failure(result, volume);
    return { end: { status: "ERROR", error }, volumeVersionRead };
  };
}

function failure(
  result: Exclude<WriteSetResult, { readonly kind: "committed" | "unchanged" }>,
  { volumeId, version }: VolumeSession,
): string {
  const tell = (word: VolumeErrorWord, message: string) => `${word}: ${message}`;
  switch (result.kind) {
    case "conflict":
      return tell(
        "VFS_CONFLICT",
        `${result.path} changed since this invocation started (version ${version}, now ${result.now})`,
      );
    case "deleted":
      return tell("VFS_CONFLICT", `volume ${volumeId} was deleted since this invocation started`);
    case "over-quota":
      return tell("VFS_QUOTA", result.message);
    case "unfinished":
      return tell(
        "VFS_UNFINISHED",
        `${result.path} was still being written when the function returned: await the write`,
      );
  }
}
