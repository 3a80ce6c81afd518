import { getLogger } from "@logtape/logtape";
import type { MemoryMaximum } from "../../sandbox/contract.ts";
import {
  type ClaimReply,
  type ClaimRequest,
  encode,
  maximumOf,
  readClaimReply,
} from "../link/messages.ts";
import { PROTOCOL, PROTOCOLS_TEXT } from "../link/protocol.ts";
import { pause } from "../../shared/pause.ts";
import type { SealKey } from "../link/sealing.ts";
import type { Nats } from "../nats/connection.ts";
import { subjects } from "../nats/subjects.ts";
import type { WorkerSession } from "./worker_session.ts";

const logger = getLogger(["invoked", "cluster"]);

const CLAIM_TIMEOUT_MS = 10_000;
/** How long a worker waits until it asks again whether it may claim invocations. */
const HELLO_PAUSE_MS = 1_000;
/** Frames of an owner that may overtake the reply to a claim. */
const EARLY_FRAMES_MAX = 16;

/** Opens the session of a claim that an API node accepted. */
type OpenClaimed = (id: string, node: string, slot: Disposable) => WorkerSession;

/** Claims asynchronous invocations for slots of this worker. */
export class Claiming {
  readonly #early = new Map<string, Uint8Array[]>();
  #isWelcome = false;
  /** The last reported protocol that this worker does not speak. */
  #reported: number | undefined;

  constructor(
    private readonly nats: Nats,
    private readonly key: SealKey,
    private readonly maximum: MemoryMaximum,
    private readonly open: OpenClaimed,
  ) {}

  /** Keeps a frame for a session whose claim has no reply yet; false if there is no such session. */
  receive(session: string, frame: Uint8Array): boolean {
    const early = this.#early.get(session);
    if (early === undefined) return false;
    if (early.length < EARLY_FRAMES_MAX) early.push(frame.slice());
    return true;
  }

  /** Resolves once an API node accepts claims of this worker, or the signal aborts. No invocation is pulled before. */
  async welcomed(signal: AbortSignal): Promise<void> {
    while (!this.#isWelcome && !signal.aborted) {
      const reply = await this.#request({ kind: "hello", protocol: PROTOCOL });
      if (reply.answer === "welcome") {
        this.#isWelcome = true;
        this.#reported = undefined;
      } else await pause(HELLO_PAUSE_MS, signal);
    }
  }

  /** Claims an invocation, runs it, and resolves once its owner has recorded its end; see `TakeOffer`. */
  async take(invocation: string, slot: Disposable): Promise<"settled" | "again"> {
    const id = crypto.randomUUID();
    this.#early.set(id, []);
    const { publicKey } = this.key;
    const reply = await this.#request({
      kind: "claim",
      protocol: PROTOCOL,
      session: id,
      invocation,
      publicKey,
      ...maximumOf(this.maximum),
    });
    const early = this.#early.get(id) ?? [];
    this.#early.delete(id);
    if (reply.answer !== "claimed") {
      slot[Symbol.dispose]();
      return reply.answer === "gone" || reply.answer === "elsewhere" ? "settled" : "again";
    }
    const session = this.open(id, reply.node, slot);
    for (const frame of early) session.receive(frame);
    return await session.recorded ? "settled" : "again";
  }

  async #request(request: ClaimRequest): Promise<ClaimReply> {
    const { connection, id } = this.nats;
    try {
      const timeout = CLAIM_TIMEOUT_MS;
      const { data } = await connection.request(subjects.claim(id), encode(request), { timeout });
      const reply = readClaimReply(data);
      if (reply.answer === "foreign") this.#rejected(reply.protocol);
      return reply;
    } catch (error) {
      logger.debug("No API node answers a {kind}: {error}", { kind: request.kind, error });
      return { answer: "later" };
    }
  }

  /** An API node does not speak the protocol of this worker: the worker pulls nothing until a node speaks it. */
  #rejected(protocol: number): void {
    this.#isWelcome = false;
    if (this.#reported === protocol) return;
    this.#reported = protocol;
    logger.error(
      "This worker receives no invocations: an API node speaks protocol {protocol}, this worker works with {own}; upgrade the older",
      { protocol, own: PROTOCOLS_TEXT },
    );
  }
}
