/** Nodes for tests that open a store themselves. */
import { Ids } from "../../src/domain/ids.ts";
import { LeasedNode } from "../../src/domain/ownership/leased_node.ts";
import { OnlyNode } from "../../src/domain/ownership/only_node.ts";
import { SharedNodes } from "../../src/domain/ownership/shared_nodes.ts";
import { Snapshots } from "../../src/domain/volumes/snapshots.ts";
import type { Store } from "../../src/store/mod.ts";

const VERSION = "1.0.0";

/** Joins the nodes that share a store. */
export function joinNodes(store: Store, leaseMs: number): Promise<LeasedNode> {
  const spec = { id: new Ids().next(), version: VERSION, protocol: 1, speaks: () => true };
  return LeasedNode.join(store, spec, leaseMs);
}

/** The only node of a store. */
export function onlyNode(store: Store): Promise<OnlyNode> {
  return OnlyNode.join(store, { id: new Ids().next(), version: VERSION });
}

interface SharedOptions {
  readonly leaseMs: number;
  readonly snapshots?: Snapshots;
  /** Called with the memory of each invocation that is offered: there are no workers. */
  readonly onOffer?: (memoryBytes?: number) => void;
  /** Called when claims of workers come to the node from now on, or no longer. */
  readonly onAccepts?: (claims: boolean) => void;
  /** The largest memory of an invocation that any process runs. */
  readonly maxMemoryBytes?: number;
}

/** A node that shares a store, and reaches no worker and no other node. */
export async function shareNodes(
  store: Store,
  { leaseMs, snapshots = new Snapshots(store), onOffer, onAccepts, maxMemoryBytes }: SharedOptions,
): Promise<SharedNodes> {
  return new SharedNodes({
    store,
    node: await joinNodes(store, leaseMs),
    queue: {
      maximum: { maxMemoryBytes },
      offer: ({ memoryBytes }) => Promise.resolve(onOffer?.(memoryBytes)),
      serve() {},
      accepts: (claims) => onAccepts?.(claims),
    },
    peers: { cancel: () => Promise.resolve(false), serve() {} },
    engine: { interrupt() {} },
    snapshots,
  });
}
