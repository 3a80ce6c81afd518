import { getLogger } from "@logtape/logtape";
import type { JobRunner, Outcome } from "../../engine/contract.ts";
import type { HostCall, HostReply, KillCode } from "../../sandbox/contract.ts";
import { ObjectError, ObjectsUnavailable } from "../../shared/objects.ts";
import { Lifecycle } from "../../shared/lifecycle.ts";
import { Channel } from "../link/channel.ts";
import { CloseReason } from "../link/frames.ts";
import { decodeJob, encode, encodeOutcome, MessageType, type SealedJob } from "../link/messages.ts";
import { HOLD_OFFER_MS, PROTOCOL } from "../link/protocol.ts";
import { BrokenProtocol } from "../link/receiver.ts";
import type { SealKey } from "../link/sealing.ts";
import type { Nats } from "../nats/connection.ts";
import { subjects } from "../nats/subjects.ts";
import { LogBatches } from "./log_batches.ts";
import type { ObjectArtifacts } from "./object_artifacts.ts";
import { RemoteHost } from "./remote_host.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Largest message of an API node: a job with its input. */
const OWNER_MESSAGE_BYTES_MAX = 1024 * 1024 * 1024;
/** Like {@link HOLD_OFFER_MS}, for the job of a claim, for which the owner may have to open a volume first. */
const HOLD_CLAIM_MS = 30_000;

interface WorkerParts {
  readonly nats: Nats;
  readonly key: SealKey;
  readonly runner: JobRunner;
  readonly artifacts: ObjectArtifacts;
  /** Called when a script was run. */
  readonly onScript: (digest: string) => void;
}

/**
 * One session with an owner, on the side of the worker. Modes: `waiting` for the job with a slot held; `running`;
 * `reported` until the owner ends it; `ended`.
 */
export class WorkerSession {
  readonly #channel: Channel;
  readonly #host: RemoteHost;
  readonly #logs: LogBatches;
  readonly #stop = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  readonly #onEnd: () => void;
  readonly #hold: ReturnType<typeof setTimeout>;
  readonly #lifecycle = new Lifecycle("a session of a worker", "waiting", {
    waiting: ["running", "ended"],
    running: ["reported", "ended"],
    reported: ["ended"],
    ended: [],
  });
  #running: Promise<void> | undefined;

  constructor(
    private readonly parts: WorkerParts,
    readonly id: string,
    readonly node: string,
    private readonly slot: Disposable,
    { isClaim, onEnd }: { readonly isClaim: boolean; readonly onEnd: () => void },
  ) {
    this.#onEnd = onEnd;
    const { nats } = parts;
    this.#channel = new Channel({
      send: nats.sender(subjects.toNode(nats.id, node, id)),
      onMessage: (type, bytes) => this.#receive(type, bytes),
      onEnd: () => this.#end(),
      messageBytesMax: OWNER_MESSAGE_BYTES_MAX,
      frameBytesMax: nats.payloadBytesMax,
    });
    this.#host = new RemoteHost((frame) => this.#write(MessageType.HOST_CALL, frame));
    this.#logs = new LogBatches((message) => this.#write(MessageType.LOG, message));
    this.#hold = setTimeout(
      () => this.#channel.close(CloseReason.EXPIRED),
      isClaim ? HOLD_CLAIM_MS : HOLD_OFFER_MS,
    );
    const { publicKey } = parts.key;
    this.#write(MessageType.ACCEPTED, encode({ protocol: PROTOCOL, publicKey }));
  }

  /** Resolves once its instance and the session have ended: the owner ends the session after the record. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  receive(frame: Uint8Array): void {
    this.#channel.receive(frame);
  }

  /** Ends it now: the instance is killed. */
  close(): void {
    this.#channel.close(CloseReason.UNKNOWN);
  }

  #write(type: number, bytes: Uint8Array): void {
    this.#channel.write(type, bytes);
  }

  async #receive(type: number, bytes: Uint8Array): Promise<void> {
    switch (type) {
      case MessageType.JOB:
        return await this.#begin(bytes);
      case MessageType.HOST_REPLY:
        return this.#host.receive(bytes);
      case MessageType.CANCEL:
        return this.#stop.abort(new TextDecoder().decode(bytes) as KillCode);
      default:
        throw new BrokenProtocol(`there is no message of type ${type}`);
    }
  }

  async #begin(sealed: Uint8Array): Promise<void> {
    clearTimeout(this.#hold);
    const { nats: { id: worker }, key } = this.parts;
    const context = { kind: "job", worker, node: this.node, session: this.id } as const;
    const job = decodeJob(await key.open(context, sealed));
    if (!this.#lifecycle.is("waiting")) return;
    this.#lifecycle.set("running");
    this.#running = this.#run(job);
  }

  async #run({ job, keys }: SealedJob): Promise<void> {
    const { artifacts, onScript } = this.parts;
    using _ = artifacts.unlock(keys);
    const outcome = await this.#outcomeOf(job);
    if (outcome === undefined) return this.#channel.close(CloseReason.NOT_BEGUN);
    onScript(job.scriptDigest);
    this.slot[Symbol.dispose]();
    if (!this.#lifecycle.is("running")) return;
    this.#lifecycle.set("reported");
    this.#logs.flush();
    this.#write(MessageType.OUTCOME, encodeOutcome(outcome));
  }

  /** Undefined if no instance could be started: the job then goes to another worker. */
  async #outcomeOf(job: SealedJob["job"]): Promise<Outcome | undefined> {
    const ports = {
      host: { call: (call: HostCall) => this.#callHost(call) },
      onLog: (log: Parameters<LogBatches["add"]>[0]) => this.#logs.add(log),
    };
    try {
      const placement = { runId: this.id, waitMs: 0 };
      const ran = await this.parts.runner.run(job, ports, this.#stop.signal, placement);
      return ran.kind === "success" || ran.kind === "error" ? ran : undefined;
    } catch (error) {
      logger.error("Failed to run an invocation in session {id}: {error}", { id: this.id, error });
      const isObject = error instanceof ObjectError || error instanceof ObjectsUnavailable;
      const message = isObject
        ? `it could not run: ${error.message}`
        : "the worker could not run it; its log has the reason";
      return { kind: "error", code: "INTERRUPTED", message };
    }
  }

  /** Passes a host call on. A response that continues after its first part releases its slot, as at the owner. */
  async #callHost(call: HostCall): Promise<HostReply> {
    const reply = await this.#host.call(call);
    if (isLongResponse(call)) this.slot[Symbol.dispose]();
    return reply;
  }

  async #end(): Promise<void> {
    clearTimeout(this.#hold);
    const mode = this.#lifecycle.mode;
    this.#lifecycle.set("ended");
    if (mode === "running") this.#stop.abort("INTERRUPTED" satisfies KillCode);
    this.#host[Symbol.dispose]();
    await this.#running;
    this.slot[Symbol.dispose]();
    this.#onEnd();
    this.#ended.resolve();
  }
}

/**
 * Whether the owner has accepted the first part of a response with further parts. The owner bounds the number of such
 * responses.
 */
function isLongResponse({ method, params }: HostCall): boolean {
  return method === "http.respond" && (params as { readonly end?: unknown } | null)?.end === false;
}
