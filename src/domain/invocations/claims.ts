import type { Claim, ClaimAnswer, Engine } from "../../engine/contract.ts";
import type { InvocationRow } from "../../store/invocations.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { FunctionLimits } from "../functions/limits.ts";
import { locks } from "../locks.ts";
import type { Node } from "../nodes/node.ts";
import type { Attempts } from "./attempts.ts";
import { planOf } from "./planning.ts";

/** Decides on the claims of workers: a call that waits becomes RUNNING under this node, once. */
export class Claims {
  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly engine: Engine;
      readonly node: Node;
      readonly attempts: Attempts;
      readonly functionLimits: FunctionLimits;
    },
  ) {}

  /** @see ClaimHandler */
  async claim(claim: Claim): Promise<ClaimAnswer> {
    const { store, engine, node, attempts, functionLimits } = this.parts;
    const row = await store.read.invocations.row(claim.invocationId);
    if (row === undefined || row.status === "SUCCESS" || row.status === "ERROR") {
      return { kind: "gone" };
    }
    if (row.status !== "PENDING" || row.owner !== null) return { kind: "elsewhere" };
    if (!node.isLive || !engine.isOpen) return { kind: "later" };
    const attempt = row.attempt + 1;
    const claimed = { ...row, status: "RUNNING", owner: node.id, attempt } as const;
    const plan = await planOf(store.read, claimed, functionLimits);
    const { ownConcurrency } = plan.execution;
    const decided = await store.write(
      (tx) => this.#decide(tx, { ...claim, attempt }, row, ownConcurrency),
      "durable",
      ownConcurrency === undefined ? [] : [locks.ofRunning(row.functionId)],
    );
    if (typeof decided !== "number") return decided;
    const slot = engine.admitClaimed(plan.admission);
    const execution = { ...plan.execution, lastSequence: decided };
    const ended = attempts.run({ ...plan, execution }, slot, undefined, claim);
    return { kind: "claimed", recorded: ended.then(() => undefined) };
  }

  /** The sequence number of the last log line of earlier attempts, once the call is this node's. */
  async #decide(
    tx: Writers,
    { attempt, worker }: Claim & { readonly attempt: number },
    { id, functionId }: InvocationRow,
    ownConcurrency: number | undefined,
  ): Promise<number | ClaimAnswer> {
    const isFull = ownConcurrency !== undefined &&
      await tx.invocations.countRunning(functionId) >= ownConcurrency;
    if (isFull) return { kind: "later" };
    const owned = { id, owner: this.parts.node.id, attempt };
    const isOurs = await tx.invocations.claim(owned, worker, new Date().toISOString());
    if (!isOurs) return { kind: "elsewhere" };
    return attempt === 1 ? 0 : await tx.invocations.lastSequence(id);
  }
}
