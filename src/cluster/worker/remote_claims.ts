import { getLogger } from "@logtape/logtape";
import type { MemoryMaximum } from "../../sandbox/contract.ts";
import { type ClaimReply, encode, maximumOf, readClaimReply } from "../link/messages.ts";
import { PROTOCOL } from "../link/protocol.ts";
import type { SealKey } from "../link/sealing.ts";
import type { Nats } from "../nats/connection.ts";
import { subjects } from "../nats/subjects.ts";
import type { Claimed } from "./claimer.ts";
import type { WorkerSession } from "./worker_session.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How long an API node may take to record a claim. A lost reply holds a slot for as long. */
const CLAIM_TIMEOUT_MS = 10_000;

interface RemoteClaimParts {
  readonly nats: Nats;
  readonly key: SealKey;
  readonly maximum: MemoryMaximum;
  /** Opens the session of a claim that an API node accepted. */
  readonly open: (id: string, node: string, slot: Disposable) => WorkerSession;
  /** An API node does not speak the protocol of this worker, but this one. */
  readonly onForeign: (protocol: number) => void;
}

/** Claims asynchronous invocations from API nodes, for slots of this worker. */
export class RemoteClaims {
  constructor(private readonly parts: RemoteClaimParts) {}

  /** @see TakeSlot */
  async take(slot: Disposable): Promise<Claimed> {
    const id = crypto.randomUUID();
    const reply = await this.#request(id);
    if (reply.answer === "foreign") {
      this.parts.onForeign(reply.protocol);
      return { kind: "gone" };
    }
    if (reply.answer !== "claimed") return { kind: reply.answer };
    // The session accepts. An owner that has given up meanwhile ends it.
    const { ended } = this.parts.open(id, reply.node, slot);
    return { kind: "claimed", ended };
  }

  async #request(session: string): Promise<ClaimReply> {
    const { nats, key: { publicKey }, maximum } = this.parts;
    const request = encode({ protocol: PROTOCOL, session, publicKey, ...maximumOf(maximum) });
    try {
      return readClaimReply(
        await nats.request(subjects.claim(nats.id), request, CLAIM_TIMEOUT_MS),
      );
    } catch (error) {
      logger.debug("No API node answers a claim: {error}", { error });
      return { answer: "later" };
    }
  }
}
