/** Of several copies of one installation, an object store accepts one. */
import assert from "node:assert/strict";
import type { Objects } from "../../src/cluster/objects/mod.ts";
import { openNode, openS3Node } from "../support/blob_stores.ts";
import { TestNats } from "../support/nats.ts";
import { sharedS3 } from "../support/s3.ts";

/** Opens one more node of a store. */
type OpenStore = () => Promise<AsyncDisposable & { readonly objects: Objects }>;

const STORES: Readonly<Record<string, (opened: AsyncDisposableStack) => Promise<OpenStore>>> = {
  "the object store of NATS": async (opened) => {
    const nats = opened.use(await TestNats.start());
    return () => openNode(nats);
  },
  "S3": async () => {
    const address = (await sharedS3()).address();
    return () => openS3Node(address);
  },
};

for (const [name, openStore] of Object.entries(STORES)) {
  Deno.test(`${name} accepts one of several copies, and its repetition`, async () => {
    await using opened = new AsyncDisposableStack();
    const open = await openStore(opened);
    const ids = ["a", "b", "c"];
    const copies = await Promise.all(ids.map(async (id) => {
      const { objects } = opened.use(await open());
      return () => objects.mark({ kind: "copy", id });
    }));
    const results = await Promise.allSettled(copies.map((mark) => mark()));
    const accepted = results.flatMap(({ status }, at) => status === "fulfilled" ? [at] : []);
    assert.ok(accepted.length <= 1, `${accepted}`);
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      assert.match(`${result.reason}`, /has the content of another restore or copy, into another/);
    }
    // If each saw another one, the store is as before.
    const [first = 0] = accepted;
    await copies[first]?.();
    await copies[first]?.();
    for (const [at, mark] of copies.entries()) {
      if (at !== first) await assert.rejects(mark(), /has the content of another restore or copy/);
    }
  });
}
