import { getLogger } from "@logtape/logtape";
import { formatBytes } from "../../config/mod.ts";
import type { Job, JobPorts, NotBegun, NotPlaced, Outcome, Ran } from "../../engine/contract.ts";
import { HOST_CALL_MAX_BYTES, LOG_LINE_OVERHEAD_BYTES } from "../../runtime/wire.ts";
import { HostChannel } from "../../sandbox/instance/host_channel.ts";
import { killCodeOf, killed } from "../../sandbox/instance/outcome.ts";
import type { ByteBudget } from "../../shared/byte_budget.ts";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { Channel, type ChannelEnd } from "../link/channel.ts";
import { CloseReason } from "../link/frames.ts";
import { encodeJob, MessageType, readAccepted, readLogs, readOutcome } from "../link/messages.ts";
import { speaks } from "../link/protocol.ts";
import { BrokenProtocol } from "../link/receiver.ts";
import type { Seals } from "../link/sealing.ts";
import { subjects } from "../nats/subjects.ts";
import type { Nats } from "../nats/connection.ts";
import { type Grant, grantsOf } from "../objects/grants.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How long a worker may take to answer an offer. */
const OFFER_TIMEOUT_MS = 2_000;
/** How long a worker may need to end a run that is cancelled. */
const CANCEL_TIMEOUT_MS = 5_000;
/** What a run may take beyond the time limit of its job: the fetch of its script and the start of a process. */
const RUN_OVERHEAD_MS = 30_000;
/** Bytes of a message besides its content. */
const MESSAGE_OVERHEAD_BYTES = 1024 * 1024;
/** Log lines of the system, such as lines of the egress proxy, besides the limit of the log. */
const SYSTEM_LOG_BYTES = 64 * 1024;

const LOST: Outcome = {
  kind: "error",
  code: "INTERRUPTED",
  message: "the worker that ran it ended",
};

/** A job for a worker, or why its record keeps it from running. */
type Sealed = Uint8Array | NotBegun;

/** What the sessions of an API node share. */
export interface OwnerParts {
  readonly nats: Nats;
  readonly seals: Seals;
  /** The key of the object of an artifact, by its digest. */
  readonly grantOf: (digest: string) => Promise<Grant>;
  /** Memory for contents of replies to host calls. */
  readonly replyBudget: ByteBudget;
  readonly limits: OwnerLimits;
}

/** Limits of what a worker may send; each is a named setting in `src/config`. */
interface OwnerLimits {
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  readonly maxLogBytes: number;
}

/** Why a worker does not take a job. */
export type Rejection = "full" | "draining" | "protocol" | "silent";

const REJECTIONS: Readonly<Partial<Record<CloseReason, Rejection>>> = {
  [CloseReason.FULL]: "full",
  [CloseReason.DRAINING]: "draining",
  [CloseReason.PROTOCOL]: "protocol",
};

/**
 * One session with a worker, on the side of the owner. Modes: `offered`, also after the reply to a claim; `accepted` while the worker holds a slot;
 * `running` from the first byte of the job on; `reported` once it has its outcome; `ended`.
 */
export class OwnerSession {
  readonly #channel: Channel;
  readonly #accepted = Promise.withResolvers<Rejection | undefined>();
  readonly #outcome = Promise.withResolvers<Outcome | NotPlaced>();
  readonly #lifecycle = new Lifecycle("a session", "offered", {
    offered: ["accepted", "ended"],
    accepted: ["running", "ended"],
    running: ["reported", "ended"],
    reported: ["ended"],
    ended: [],
  });
  #publicKey = "";
  /** What was prepared for the worker with this key. */
  #prepared: { readonly publicKey: string; readonly sealed: Promise<Sealed> } | undefined;
  #job: { readonly ports: JobPorts; readonly host: HostChannel } | undefined;
  #logBytes = 0;
  /** Whether the job has logged or called: then its code has begun, whatever the worker says. */
  #hasBegun = false;

  constructor(
    private readonly parts: OwnerParts,
    readonly node: string,
    readonly id: string,
    readonly worker: string,
    private readonly onEnd: () => void,
  ) {
    const { nats, limits: { maxOutputBytes } } = parts;
    this.#channel = new Channel({
      send: nats.sender(subjects.toWorker(worker, id)),
      onMessage: (type, bytes) => this.#receive(type, bytes),
      onEnd: (end) => this.#ended(end),
      messageBytesMax: Math.max(HOST_CALL_MAX_BYTES, maxOutputBytes) + MESSAGE_OVERHEAD_BYTES,
      frameBytesMax: nats.payloadBytesMax,
    });
  }

  get isRunning(): boolean {
    return this.#lifecycle.is("running");
  }

  get hasEnded(): boolean {
    return this.#lifecycle.is("ended");
  }

  /** Takes a frame that came on the subject of a worker. Frames of other workers do not count. */
  receive(worker: string, frame: Uint8Array): void {
    if (worker === this.worker) this.#channel.receive(frame);
  }

  /**
   * Seals the job, and records the worker of an offer, while the worker decides. The job is not sent before both are
   * done and the worker has accepted.
   * @param publicKey of the worker, as its heartbeat or claim has it
   */
  prepare(publicKey: string, job: Job, ports: JobPorts): void {
    const sealed = this.#seal(publicKey, job, ports);
    // The run that awaits the promise reports the error.
    sealed.catch(() => {});
    this.#prepared = { publicKey, sealed };
  }

  /** Resolves with undefined once the worker holds a slot for the session, or with why not. */
  async offered(timeoutMs = OFFER_TIMEOUT_MS): Promise<Rejection | undefined> {
    const timer = setTimeout(() => this.close(), timeoutMs);
    const rejection = await this.#accepted.promise;
    clearTimeout(timer);
    return rejection;
  }

  /**
   * Runs a job on the worker that accepted. The session stays open until {@link close}. Another worker may get a job that
   * was not placed.
   */
  async run(job: Job, ports: JobPorts, signal: AbortSignal): Promise<Ran> {
    if (!this.#lifecycle.is("accepted")) return this.#notDelivered();
    const publicKey = this.#publicKey;
    const sealed =
      await (this.#prepared?.publicKey === publicKey
        ? this.#prepared.sealed
        : this.#seal(publicKey, job, ports));
    if ("kind" in sealed) return sealed;
    if (signal.aborted) return killed(killCodeOf(signal));
    if (!this.#lifecycle.is("accepted")) return this.#notDelivered();
    const { timeoutMs = this.parts.limits.timeoutMs } = job.limits;
    const host = new HostChannel(
      ports.host,
      { write: (bytes) => this.#channel.write(MessageType.HOST_REPLY, bytes).catch(() => {}) },
      this.parts.replyBudget,
      performance.now() + timeoutMs,
    );
    this.#job = { ports, host };
    this.#lifecycle.set("running");
    this.#channel.write(MessageType.JOB, sealed);
    try {
      return await this.#await(job, signal);
    } finally {
      await host.close();
    }
  }

  close(): void {
    this.#channel.close(CloseReason.DONE);
  }

  async #await({ limits }: Job, signal: AbortSignal): Promise<Outcome | NotPlaced> {
    const timeoutMs = (limits.timeoutMs ?? this.parts.limits.timeoutMs) + RUN_OVERHEAD_MS;
    let cut: ReturnType<typeof setTimeout> | undefined;
    const late = setTimeout(() => {
      logger.error("Worker {worker} did not end a run within {timeoutMs} ms", {
        worker: this.worker,
        timeoutMs,
      });
      this.close();
    }, timeoutMs);
    const cancel = () => {
      const code = killCodeOf(signal);
      this.#channel.write(MessageType.CANCEL, new TextEncoder().encode(code));
      cut = setTimeout(() => {
        this.#outcome.resolve(killed(code));
        this.close();
      }, CANCEL_TIMEOUT_MS);
    };
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return await this.#outcome.promise;
    } finally {
      signal.removeEventListener("abort", cancel);
      clearTimeout(late);
      clearTimeout(cut);
    }
  }

  #receive(type: number, bytes: Uint8Array): Promise<void> | void {
    if (type === MessageType.ACCEPTED) return this.#accept(bytes);
    const current = this.#job;
    if (current === undefined || !this.#lifecycle.is("running")) {
      throw new BrokenProtocol(`a message of type ${type} came while no job ran`);
    }
    if (type !== MessageType.OUTCOME) this.#hasBegun = true;
    switch (type) {
      case MessageType.LOG:
        return this.#log(bytes, current.ports);
      case MessageType.HOST_CALL:
        return current.host.receive(bytes);
      case MessageType.OUTCOME:
        return this.#report(readOutcome(bytes), bytes.length);
      default:
        throw new BrokenProtocol(`there is no message of type ${type}`);
    }
  }

  #accept(bytes: Uint8Array): void {
    const { protocol, publicKey } = readAccepted(bytes);
    if (!this.#lifecycle.is("offered")) throw new BrokenProtocol("an offer was accepted twice");
    if (!speaks(protocol)) {
      this.#accepted.resolve("protocol");
      return this.close();
    }
    this.#publicKey = publicKey;
    this.#lifecycle.set("accepted");
    this.#accepted.resolve(undefined);
  }

  #log(bytes: Uint8Array, { onLog }: JobPorts): void {
    const { maxLogBytes } = this.parts.limits;
    for (const log of readLogs(bytes)) {
      if (this.#logBytes > maxLogBytes + SYSTEM_LOG_BYTES) return;
      this.#logBytes += log.message.length + LOG_LINE_OVERHEAD_BYTES;
      if (this.#logBytes <= maxLogBytes + SYSTEM_LOG_BYTES) onLog(log);
      else {
        const message = `log truncated: limit of ${formatBytes(maxLogBytes)} reached (--max-log)`;
        onLog({ time: Date.now(), level: "warn", source: "system", message });
      }
    }
  }

  async #seal(
    publicKey: string,
    job: Job,
    ports: JobPorts,
  ): Promise<Sealed> {
    const { worker } = this;
    const context = { kind: "job", worker, node: this.node, session: this.id } as const;
    const seal = async () => {
      const text = encodeJob({ job, keys: await this.#grantsOf(job) });
      return await this.parts.seals.seal(publicKey, context, text);
    };
    const [sealed, notBegun] = await Promise.all([seal(), ports.onAssigned?.(worker)]);
    return notBegun ?? sealed;
  }

  /** A worker receives only the grants of the artifacts of its job. */
  #grantsOf({ scriptDigest, sourceMapDigest }: Job): Promise<Record<string, Grant>> {
    return grantsOf([scriptDigest, sourceMapDigest], this.parts.grantOf);
  }

  #report(outcome: Outcome, byteLength: number): void {
    const { maxOutputBytes } = this.parts.limits;
    this.#lifecycle.set("reported");
    this.#outcome.resolve(
      outcome.kind === "success" && byteLength > maxOutputBytes + MESSAGE_OVERHEAD_BYTES
        ? {
          kind: "error",
          code: "OUTPUT_TOO_LARGE",
          message: `the output is larger than ${formatBytes(maxOutputBytes)} (--max-output)`,
        }
        : outcome,
    );
  }

  #ended(end: ChannelEnd): void {
    const wasRunning = this.#lifecycle.is("running");
    this.#lifecycle.set("ended");
    this.#accepted.resolve((end.by === "peer" ? REJECTIONS[end.reason] : undefined) ?? "silent");
    const isNotBegun = end.by === "peer" && end.reason === CloseReason.NOT_BEGUN;
    if (wasRunning && isNotBegun && !this.#hasBegun) {
      const reason = `worker ${this.worker} cannot start an instance for its job`;
      this.#outcome.resolve({ kind: "not-placed", reason });
    } else if (wasRunning) this.#reportLoss(end);
    this.#outcome.resolve(LOST);
    this.onEnd();
  }

  #reportLoss(end: ChannelEnd): void {
    const worker = this.worker;
    if (end.by === "error") {
      logger.error("Worker {worker} broke the protocol: {message}", {
        worker,
        message: end.message,
      });
    } else if (end.by !== "self") {
      logger.warn("Worker {worker} ended or is silent while it ran an invocation", { worker });
    }
  }

  #notDelivered(): NotPlaced {
    const reason = `worker ${this.worker} released the slot before it got the job`;
    return { kind: "not-placed", reason };
  }
}
