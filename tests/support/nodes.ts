/** Nodes for tests that open a store themselves. */
import { Ids } from "../../src/domain/ids.ts";
import { Node } from "../../src/domain/nodes/node.ts";
import type { Store } from "../../src/store/mod.ts";

/** Joins the nodes of a store. @param leaseMs of a node that shares the store; undefined for one alone */
export function joinNodes(store: Store, leaseMs?: number): Promise<Node> {
  const isShared = leaseMs !== undefined;
  return Node.join(
    store,
    { id: new Ids().next(), version: "1.0.0", protocol: 1, speaks: () => true, isShared },
    leaseMs,
  );
}
