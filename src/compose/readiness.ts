/** Whether an API node accepts invocations, for `/readyz` and for metrics. */
import type { Acceptance, Readiness } from "../api/server/readiness.ts";
import type { Acceptance as Limits } from "../domain/invocations/acceptance.ts";
import type { Node } from "../domain/ownership/contract.ts";
import type { VerificationSchedule } from "../domain/verification/schedule.ts";
import type { Engine } from "../engine/contract.ts";
import type { Store } from "../store/mod.ts";
import type { Cluster } from "./cluster.ts";

/** Damages that the server lists. */
const DAMAGES_MAX = 100;

const STOPPING = "the server is stopping";

interface HealthParts {
  readonly acceptance: Limits;
  readonly store: Store;
  readonly engine: Engine;
  readonly node: Node;
  /** Undefined for a server without workers. */
  readonly cluster: Cluster | undefined;
  /** Undefined for a server that does not verify its data. */
  readonly verification: Pick<VerificationSchedule, "damages"> | undefined;
  /** Aborted once the server asks clients to use another one, although it still accepts invocations. */
  readonly leaving: AbortSignal;
}

/** What a server says about itself. */
interface Health {
  readonly readiness: Readiness;
  /** What reads and the last verification found damaged, in words. */
  readonly damages: () => readonly string[];
}

/** How the parts of a server are. What keeps every invocation from being recorded comes first. */
export function healthOf(
  { acceptance, store, engine, node, cluster, verification, leaving }: HealthParts,
): Health {
  const damages = () => {
    const read = store.damage.all.map(({ message }) => message);
    return [...new Set([...read, ...verification?.damages ?? []])].slice(0, DAMAGES_MAX);
  };
  const blocked = () => {
    if (!engine.isAdmitting) return STOPPING;
    if (!node.isLive) return "the node has lost its lease in the database";
    const database = store.damage.all.find(({ kind }) => kind === "database");
    return store.health.error?.message ?? database?.message;
  };
  const accepted = (reason: string | undefined): Acceptance =>
    reason === undefined ? { accepted: true } : { accepted: false, reason };
  const readiness = async () => {
    const common = blocked();
    const reason = common ?? engine.error ?? cluster?.error;
    const modes = {
      synchronous: accepted(reason ?? await acceptance.rejection("sync")),
      asynchronous: accepted(common ?? await acceptance.rejection("async")),
    };
    const unready = reason ?? (leaving.aborted ? STOPPING : node.clockError);
    if (unready !== undefined) return { ready: false, reason: unready, ...modes } as const;
    // One damaged blob concerns one commit or file: a server without the blob serves other commits and files.
    return { ready: true, load: engine.load, damaged: damages(), ...modes } as const;
  };
  return { readiness, damages };
}
