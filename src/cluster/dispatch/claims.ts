import { getLogger } from "@logtape/logtape";
import type {
  Claim,
  ClaimAnswer,
  ClaimHandler,
  InvocationQueue,
} from "../../engine/worker_slots.ts";
import type { MemoryLimit, MemoryMaximum } from "../../sandbox/contract.ts";
import {
  type ClaimReply,
  encode,
  hasMemory,
  maximumOf,
  readClaimRequest,
  readProtocol,
  WaitingReply,
} from "../link/messages.ts";
import { PROTOCOL, speaks } from "../link/protocol.ts";
import type { Nats, ReceivedMessage } from "../nats/connection.ts";
import { isId, isInboxOf, NODES_GROUP, partsOf, subjects } from "../nats/subjects.ts";
import { warnOf } from "../nats/worker_warnings.ts";
import type { Registry } from "../registry/registry.ts";
import { type Claimed, Claimer } from "../worker/claimer.ts";
import type { Slots } from "../worker/slots.ts";
import { choose } from "./choose.ts";
import type { OwnerSession } from "./owner_session.ts";
import type { Sessions } from "./sessions.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How long a worker may take to answer that it claims an invocation. */
const OFFER_TIMEOUT_MS = 2_000;
/** How long a worker may take to accept what it has claimed. */
const ACCEPT_TIMEOUT_MS = 5_000;

/** Where the slot of a claim is: in this process, or on a worker. */
type SlotLocation =
  | { readonly kind: "here" }
  | { readonly kind: "worker"; readonly session: OwnerSession; readonly publicKey: string };

/** A slot that is held for one asynchronous invocation. */
export class SlotClaim implements Claim {
  readonly #answered = Promise.withResolvers<void>();

  constructor(
    readonly worker: string,
    readonly location: SlotLocation,
    readonly maximum: MemoryMaximum,
  ) {}

  get session(): OwnerSession | undefined {
    return this.location.kind === "worker" ? this.location.session : undefined;
  }

  /** Resolves once its worker has accepted, or does not in time: without the reply, it would drop the job. */
  get answered(): Promise<void> {
    return this.#answered.promise;
  }

  markAnswered(): void {
    this.#answered.resolve();
  }
}

interface ClaimsParts {
  readonly nats: Nats;
  readonly sessions: Sessions;
  readonly registry: Registry;
  /** Slots of this process, and the memory that invocations may have there. */
  readonly slots: Slots;
  readonly maximum: MemoryMaximum;
}

/** Offers asynchronous invocations to this process and to workers, and accepts their claims. */
export class Claims implements InvocationQueue, AsyncDisposable {
  readonly #here: Claimer;
  #subscription: Disposable | undefined;
  #onClaim: ClaimHandler | undefined;

  constructor(private readonly parts: ClaimsParts) {
    this.#here = new Claimer(parts.slots, (slot) => this.#takeHere(slot));
  }

  get maximum(): MemoryMaximum {
    const { registry, slots, maximum } = this.parts;
    const here = slots.capacity > 0 ? [maximum] : [];
    const all = [...here, ...registry.workers.map(({ heartbeat }) => heartbeat)];
    // A worker of an earlier version reports no maximum.
    const bytes = all.map(({ maxMemoryBytes = Number.MAX_SAFE_INTEGER }) => maxMemoryBytes);
    return { maxMemoryBytes: Math.max(0, ...bytes) };
  }

  async offer(needs: MemoryLimit): Promise<void> {
    const { nats, registry, maximum } = this.parts;
    if (hasMemory(maximum, needs) && this.#here.offered()) return;
    for (const worker of choose(registry.workers, { limits: needs })) {
      if (nats.error !== undefined) return;
      const { id } = worker;
      const wasFree = worker.free > 0;
      registry.adjust(id, -1);
      const reply = await nats.request(
        subjects.waiting(id),
        encode({ protocol: PROTOCOL }),
        OFFER_TIMEOUT_MS,
      ).catch(() => undefined);
      if (reply === undefined) registry.forget(id);
      else if (isClaiming(reply)) return;
      // No slot was taken. A later heartbeat would have corrected the number already.
      else if (wasFree && registry.get(id) === worker) registry.adjust(id, 1);
    }
  }

  serve(onClaim: ClaimHandler): void {
    this.#onClaim = onClaim;
    this.parts.registry.rejectForeign();
    this.accepts(true);
  }

  accepts(claims: boolean): void {
    if (claims && this.#onClaim !== undefined) {
      this.#subscription ??= this.parts.nats.subscribe(
        subjects.claims(),
        (message) => void this.#receive(message),
        NODES_GROUP,
      );
    } else {
      this.#subscription?.[Symbol.dispose]();
      this.#subscription = undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription?.[Symbol.dispose]();
    await this.#here[Symbol.asyncDispose]();
  }

  /** Claims an invocation for a slot of this process. */
  async #takeHere(slot: Disposable): Promise<Claimed> {
    const { sessions, maximum } = this.parts;
    const claim = new SlotClaim(sessions.node, { kind: "here" }, maximum);
    const answer = await this.#decide(claim);
    claim.markAnswered();
    if (answer.kind !== "claimed") return answer;
    const release = () => slot[Symbol.dispose]();
    return { kind: "claimed", ended: answer.ended.then(release, release) };
  }

  async #receive(message: ReceivedMessage): Promise<void> {
    const [, worker] = partsOf(message.subject);
    if (!isId(worker)) return;
    // A reply elsewhere could delete content or end other workers in the name of this node.
    if (!isInboxOf(worker, message.reply)) {
      return warnOf(
        worker,
        "Ignored a claim: the subject for its reply is no inbox of worker {worker}",
      );
    }
    const respond = (reply: ClaimReply) => message.respond(encode(reply));
    try {
      if (!speaks(readProtocol(message.bytes))) {
        return respond({ answer: "foreign", protocol: PROTOCOL });
      }
      const request = readClaimRequest(message.bytes);
      const { sessions } = this.parts;
      const session = sessions.open(request.session, worker);
      const close = () => session.close();
      const location = { kind: "worker", session, publicKey: request.publicKey } as const;
      const claim = new SlotClaim(worker, location, maximumOf(request));
      const answer = await this.#decide(claim);
      if (answer.kind !== "claimed") {
        close();
        return respond({ answer: answer.kind });
      }
      answer.ended.then(close, close);
      try {
        respond({ answer: "claimed", node: sessions.node });
        // The reply may be lost or late: then the invocation is left to another claim, since none of its code ran.
        await session.offered(ACCEPT_TIMEOUT_MS);
      } finally {
        claim.markAnswered();
      }
    } catch (error) {
      warnOf(worker, "Failed to process the claim of worker {worker}: {error}", { error });
      respond({ answer: "later" });
    }
  }

  async #decide(claim: SlotClaim): Promise<ClaimAnswer> {
    try {
      return await this.#onClaim?.(claim) ?? { kind: "later" };
    } catch (error) {
      const { worker } = claim;
      logger.error("Failed to choose an invocation for worker {worker}: {error}", {
        worker,
        error,
      });
      return { kind: "later" };
    }
  }
}

/** A worker is hostile: another reply counts as a rejection. */
function isClaiming(reply: Uint8Array): boolean {
  return reply.length === WaitingReply.CLAIMS.length &&
    reply.every((byte, at) => byte === WaitingReply.CLAIMS[at]);
}
