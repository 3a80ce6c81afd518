import assert from "node:assert/strict";
import { type Client, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { serverSuite } from "../support/suite.ts";

/** Tells whether its module was loaded before the moment that the caller names. */
const EARLY = `const loaded = Date.now(); let calls = 0;
export default ({ sentAt }) => ({ early: loaded < sentAt, calls: ++calls });`;

async function update(client: Client, change: Readonly<Record<string, unknown>>): Promise<void> {
  const updateMask = Object.keys(change).filter((key) => key !== "id").join();
  const { status, body } = await client.post("/api/v1/functions/update", {
    function: change,
    updateMask,
  });
  assert.equal(status, 200, JSON.stringify(body));
}

serverSuite("provisioned concurrency", { flags: ["--pool-size", "1"] }, {
  async "loads the published code ahead of its calls, also that of a new publication"({ client }) {
    const id = await client.deploy(EARLY);
    const isEarly = async () => {
      const { body } = await client.invoke(id, { sentAt: Date.now() });
      const { early, calls } = JSON.parse(unbase64(body.json));
      assert.equal(calls, 1);
      return early === true;
    };
    // A pool of one keeps a process for code that nobody called before, and none for this.
    for (let call = 0; call < 5; call++) assert.ok(!await isEarly());
    await update(client, { id, provisionedConcurrency: 2 });
    await eventually(async () => await isEarly() || undefined);
    const { body } = await client.commit(id, { "main.ts": `${EARLY}\n// anew` });
    await update(client, { id, publishedCommitId: body.commit.id });
    await eventually(async () => await isEarly() || undefined);
  },
});
