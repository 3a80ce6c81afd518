import { LRUCache } from "lru-cache";
import type { JobNeeds } from "../../engine/contract.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import { CloseReason, encodeClose, isClose } from "../link/frames.ts";
import { encode, needsOf } from "../link/messages.ts";
import { PROTOCOL } from "../link/protocol.ts";
import { inboxOf, isId, partsOf, subjects } from "../nats/subjects.ts";
import type { ReceivedMessage } from "../nats/connection.ts";
import { type OwnerParts, OwnerSession } from "./owner_session.ts";

/** Ended sessions that are remembered: a repeated claim begins nothing. */
const ENDED_SESSIONS_MAX = 10_000;

/** What an offer asks for. */
interface OfferRequest {
  readonly job: JobNeeds;
  /** The session in whose slot the job may run. */
  readonly lentBy?: string | undefined;
}

/** The sessions of one API node. */
export class Sessions implements Disposable {
  readonly #sessions = new Map<string, OwnerSession>();
  readonly #ended = new LRUCache<string, true>(entriesUpTo(ENDED_SESSIONS_MAX));
  readonly #subscriptions: readonly Disposable[];
  /** Where NATS reports that nobody listens to an offer. */
  readonly #unheard: string;

  /** @param node id of this API node, unique among the running nodes */
  constructor(private readonly parts: OwnerParts, readonly node: string) {
    const { nats } = parts;
    this.#unheard = `${inboxOf(nats.id)}.offer.${node}`;
    this.#subscriptions = [
      nats.subscribe(subjects.ofNode(node), (message) => this.#route(message)),
      nats.subscribe(`${this.#unheard}.*`, ({ subject, isUnheard }) => {
        const id = subject.slice(this.#unheard.length + 1);
        if (isUnheard) this.#sessions.get(id)?.close();
      }),
    ];
  }

  /** Asks a worker for a slot. Its answer is that of {@link OwnerSession.offered}. */
  offer(worker: string, { job, lentBy }: OfferRequest): OwnerSession {
    // A worker that could guess it could let NATS send an answer there, which would end the session.
    const session = this.open(crypto.randomUUID(), worker);
    const offer = encode({
      protocol: PROTOCOL,
      node: this.node,
      session: session.id,
      ...needsOf(job),
      ...lentBy === undefined ? {} : { lentBy },
    });
    this.parts.nats.publish(subjects.offer(worker), offer, `${this.#unheard}.${session.id}`);
    return session;
  }

  /**
   * Opens a session. The id of a claim comes from its worker: an id opens one session, because late frames of an earlier
   * session would otherwise report the outcome of another invocation.
   */
  open(id: string, worker: string): OwnerSession {
    if (this.#sessions.has(id) || this.#ended.has(id)) {
      throw new Error(`Session ${id} was opened before`);
    }
    const session = new OwnerSession(
      this.parts,
      this.node,
      id,
      worker,
      () => {
        this.#sessions.delete(id);
        this.#ended.set(id, true);
      },
    );
    this.#sessions.set(id, session);
    return session;
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session.close();
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  #route({ subject, bytes }: ReceivedMessage): void {
    const [, worker, , id] = partsOf(subject);
    if (!isId(worker) || !isId(id)) return;
    const session = this.#sessions.get(id);
    if (session !== undefined) return session.receive(worker, bytes);
    if (isClose(bytes)) return;
    this.parts.nats.publish(subjects.toWorker(worker, id), encodeClose(CloseReason.UNKNOWN));
  }
}
