import { getLogger } from "@logtape/logtape";
import { jetstream, type JetStreamClient } from "@nats-io/jetstream";
import type { Claim, ClaimAnswer, ClaimHandler, InvocationQueue } from "../../engine/contract.ts";
import type { MemoryMaximum } from "../../sandbox/contract.ts";
import { type ClaimReply, encode, maximumOf, readClaimRequest } from "../link/messages.ts";
import { PROTOCOL, speaks } from "../link/protocol.ts";
import type { Nats, ReceivedMessage } from "../nats/connection.ts";
import { isId, NODES_GROUP, partsOf, RUNS_SUBJECT, subjects } from "../nats/subjects.ts";
import type { OwnerSession } from "./owner_session.ts";
import type { Sessions } from "./sessions.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How long an offer of an asynchronous invocation may take to be stored. */
const STORE_TIMEOUT_MS = 5_000;

/** Where the slot of a claim is: in this process, or on a worker. */
type SlotLocation =
  | { readonly kind: "here" }
  | { readonly kind: "worker"; readonly session: OwnerSession };

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

  /** Resolves once its worker knows the owner: only then it takes the job. */
  get answered(): Promise<void> {
    return this.#answered.promise;
  }

  markAnswered(): void {
    this.#answered.resolve();
  }
}

/** Offers asynchronous invocations to the workers, and accepts their claims. */
export class Claims implements InvocationQueue, Disposable {
  readonly #nats: Nats;
  readonly #sessions: Sessions;
  readonly #jetstream: JetStreamClient;
  #subscription: Disposable | undefined;
  #onClaim: ClaimHandler | undefined;

  /** @param maximum invocations with more memory do not run in this process */
  constructor(nats: Nats, sessions: Sessions, private readonly maximum: MemoryMaximum) {
    this.#nats = nats;
    this.#sessions = sessions;
    this.#jetstream = jetstream(nats.connection, { timeout: STORE_TIMEOUT_MS });
  }

  async offer(invocationId: string, attempt: number): Promise<void> {
    await this.#jetstream.publish(RUNS_SUBJECT, invocationId, {
      msgID: `${invocationId}.${attempt}`,
    });
  }

  serve(onClaim: ClaimHandler): void {
    this.#onClaim = onClaim;
    this.#subscription ??= this.#nats.subscribe(
      subjects.claims(),
      (message) => void this.#receive(message),
      NODES_GROUP,
    );
  }

  /** Claims an invocation for a slot of this process; see `TakeOffer`. */
  async takeHere(slot: Disposable): Promise<"settled" | "again"> {
    using _ = slot;
    const claim = new SlotClaim(this.#sessions.node, { kind: "here" }, this.maximum);
    const answer = await this.#decide(claim);
    claim.markAnswered();
    if (answer.kind !== "claimed") return answer.kind === "later" ? "again" : "settled";
    return await answer.recorded.then(() => "settled", () => "again");
  }

  [Symbol.dispose](): void {
    this.#subscription?.[Symbol.dispose]();
  }

  async #receive(message: ReceivedMessage): Promise<void> {
    const [, worker] = partsOf(message.subject);
    if (!isId(worker)) return;
    const respond = (reply: ClaimReply) => message.respond(encode(reply));
    try {
      const request = readClaimRequest(message.bytes);
      if (!speaks(request.protocol)) return respond({ answer: "foreign", protocol: PROTOCOL });
      if (request.kind === "hello") return respond({ answer: "welcome" });
      const session = this.#sessions.open(request.session, worker);
      session.accept(request.publicKey);
      const claim = new SlotClaim(worker, { kind: "worker", session }, maximumOf(request));
      const answer = await this.#decide(claim);
      if (answer.kind !== "claimed") {
        session.close();
        return respond({ answer: answer.kind });
      }
      answer.recorded.then(() => session.recorded(), () => session.close());
      respond({ answer: "claimed", node: this.#sessions.node });
      claim.markAnswered();
    } catch (error) {
      logger.warn("Failed to process the claim of worker {worker}: {error}", { worker, error });
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
