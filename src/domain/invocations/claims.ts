import { LRUCache } from "lru-cache";
import type { Engine } from "../../engine/contract.ts";
import type { Claim, ClaimAnswer } from "../../engine/worker_slots.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import type { InvocationRow, WaitingFunction } from "../../store/invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { FunctionLimits } from "../limits.ts";
import { locks } from "../locks.ts";
import type { Ownership } from "../ownership/contract.ts";
import { admissionOf, attemptOf, type RunningLimit, runningLimitOf } from "./attempt.ts";
import type { Attempts } from "./attempts.ts";
import { type RateLimit, rateOf, returnToLine, startWithPermit } from "./rate_limit.ts";

/** Functions that one claim considers. */
const CONSIDERED_MAX = 1_000;
/** Invocations that one claim tries to start: another claim may be faster, and functions may be at their limit. */
const TRIES_MAX = 8;
/** Functions whose last turn is remembered. */
const TURNS_MAX = 10_000;

/**
 * Decides on the claims of workers: a waiting invocation becomes RUNNING under this node, once.
 *
 * An offer says that one invocation waits, but not which one starts. The next one is the oldest invocation of the
 * function with the fewest running invocations; among equals, functions take turns. So a flood of one function delays
 * other functions by one invocation.
 */
export class Claims {
  /** When functions had their last turn at this node. */
  readonly #turns = new LRUCache<string, number>(entriesUpTo(TURNS_MAX));
  #turn = 0;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly engine: Engine;
      readonly ownership: Ownership;
      readonly attempts: Attempts;
      readonly functionLimits: FunctionLimits;
    },
  ) {}

  /** @see ClaimHandler */
  async claim(claim: Claim): Promise<ClaimAnswer> {
    const { store, engine, ownership: { node } } = this.parts;
    const { invocations } = store.read;
    // A node with a wrong clock would repeat a failed attempt too early or too late.
    const cannotDecide = !node.isLive || node.clockError !== undefined;
    if (cannotDecide || node.pause.current !== undefined) return { kind: "later" };
    const waiting = await invocations.nextUnclaimed(CONSIDERED_MAX, claim.maximum);
    if (waiting.length === 0) {
      // Another worker may have the memory for a waiting invocation.
      const [other] = await invocations.nextUnclaimed(1);
      return { kind: other === undefined ? "gone" : "later" };
    }
    for (const { functionId, oldest } of this.#inTurn(waiting).slice(0, TRIES_MAX)) {
      if (!node.isLive || !engine.isOpen) break;
      const row = await store.read.invocations.row(oldest);
      // Begins after the row was read: what the attempt reads is at least as recent as the request for the invocation.
      const started = row &&
        await engine.startClaim(() => store.reading(() => this.#start(claim, row)));
      if (started === undefined) continue;
      this.#turns.set(functionId, ++this.#turn);
      return started;
    }
    return { kind: "later" };
  }

  #inTurn(waiting: readonly WaitingFunction[]): WaitingFunction[] {
    const turnOf = ({ functionId }: WaitingFunction) => this.#turns.get(functionId) ?? 0;
    return waiting.toSorted((a, b) => a.running - b.running || turnOf(a) - turnOf(b));
  }

  /** Starts an invocation; undefined if it no longer waits, or if its function runs as many invocations as it may. */
  async #start(claim: Claim, row: InvocationRow): Promise<ClaimAnswer | undefined> {
    if (row.status !== "PENDING" || row.owner !== null) return undefined;
    const { store, engine, ownership, attempts, functionLimits } = this.parts;
    const number = row.attempt + 1;
    const { id: owner, lease } = ownership.node;
    const claimed = { ...row, status: "RUNNING", owner, attempt: number } as const;
    const attempt = await attemptOf(store.read, claimed, functionLimits);
    const limit = runningLimitOf(attempt, ownership);
    const rate = rateOf(await store.read.functions.get(row.functionId));
    const held = [
      ...limit === undefined ? [] : [limit.lock],
      ...rate === undefined ? [] : [locks.ofFlow(row.functionId)],
    ];
    const lastSequence = await store.writeLocked(
      held,
      (tx) => this.#record(tx, { ...row, worker: claim.worker }, { limit, rate }),
    );
    if (lastSequence === undefined) return undefined;
    const slot = engine.admitClaimed(admissionOf({ ...row, ...attempt.limits }));
    const ended = attempts.run({ ...attempt, lastSequence, lease }, slot, undefined, claim);
    return { kind: "claimed", ended: ended.then(() => undefined) };
  }

  /** The sequence number of the last log line of earlier attempts, once this node owns and runs the invocation. */
  async #record(
    tx: Writers,
    { id, functionId, attempt, worker }:
      & Pick<InvocationRow, "id" | "functionId" | "attempt">
      & { readonly worker: string },
    { limit, rate }: {
      readonly limit: RunningLimit | undefined;
      readonly rate: RateLimit | undefined;
    },
  ): Promise<number | undefined> {
    if (await limit?.isReached(tx)) return undefined;
    const owned = { id, owner: this.parts.ownership.node.id, attempt: attempt + 1 };
    // Claim first: of nodes that claim the same invocation, one starts it with its permit.
    if (!await tx.invocations.claim(owned, worker, new Date().toISOString())) return undefined;
    const permit = rate && await startWithPermit(tx, rate, { id, functionId, attempt });
    if (permit?.kind === "full") {
      await returnToLine(tx, { ...owned, functionId }, attempt, permit.waitMs);
      return undefined;
    }
    // Its start is the one that counts, by the clock of the database.
    if (permit !== undefined) await tx.invocations.start(owned, permit.now);
    return attempt === 0 ? 0 : await tx.invocations.lastSequence(id);
  }
}
