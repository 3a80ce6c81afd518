import { getLogger } from "@logtape/logtape";
import { type ClaimReply, encode, readClaimReply } from "../link/messages.ts";
import { PROTOCOL } from "../link/protocol.ts";
import type { SealKey } from "../link/sealing.ts";
import type { Nats } from "../nats/connection.ts";
import { subjects } from "../nats/subjects.ts";
import type { WorkerSession } from "./worker_session.ts";

const logger = getLogger(["invoked", "cluster"]);

const CLAIM_TIMEOUT_MS = 10_000;
/** Frames of an owner that may overtake the reply to a claim. */
const EARLY_FRAMES_MAX = 16;

/** Opens the session of a claim that an API node accepted. */
export type OpenClaimed = (id: string, node: string, slot: Disposable) => WorkerSession;

/** Claims asynchronous calls for slots of this worker. */
export class Claiming {
  readonly #early = new Map<string, Uint8Array[]>();

  constructor(
    private readonly nats: Nats,
    private readonly key: SealKey,
    private readonly open: OpenClaimed,
  ) {}

  /** Keeps a frame for a session whose claim has no reply yet; false if there is no such session. */
  receive(session: string, frame: Uint8Array): boolean {
    const early = this.#early.get(session);
    if (early === undefined) return false;
    if (early.length < EARLY_FRAMES_MAX) early.push(frame.slice());
    return true;
  }

  /** Claims a call, runs it, and resolves once its owner has recorded its end; see `TakeCall`. */
  async take(invocation: string, slot: Disposable): Promise<"settled" | "again"> {
    const id = crypto.randomUUID();
    this.#early.set(id, []);
    const reply = await this.#request(invocation, id);
    const early = this.#early.get(id) ?? [];
    this.#early.delete(id);
    if (reply.answer !== "claimed") {
      slot[Symbol.dispose]();
      return reply.answer === "later" ? "again" : "settled";
    }
    const session = this.open(id, reply.node, slot);
    for (const frame of early) session.receive(frame);
    return await session.recorded ? "settled" : "again";
  }

  async #request(invocation: string, session: string): Promise<ClaimReply> {
    const { connection, id } = this.nats;
    const { publicKey } = this.key;
    const claim = encode({ protocol: PROTOCOL, session, invocation, publicKey });
    try {
      const timeout = CLAIM_TIMEOUT_MS;
      const { data } = await connection.request(subjects.claim(id), claim, { timeout });
      return readClaimReply(data);
    } catch (error) {
      logger.debug("No API node takes the claim of invocation {invocation}: {error}", {
        invocation,
        error,
      });
      return { answer: "later" };
    }
  }
}
