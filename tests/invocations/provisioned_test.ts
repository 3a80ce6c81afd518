import assert from "node:assert/strict";
import { unbase64 } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { quietSuite } from "../support/suite.ts";

const COUNTER = `let calls = 0;
export default () => ({ calls: ++calls });`;

quietSuite("provisioned concurrency", {
  async "loads the published code ahead of its invocations, also that of a new publication"(
    { client },
  ) {
    const id = await client.deploy(COUNTER);
    const kind = async () => {
      const { body } = await client.invoke(id);
      assert.deepEqual(JSON.parse(unbase64(body.json)), { calls: 1 });
      return (await client.invocation(id, body.invocationId)).processKind;
    };
    // Only the first one: on a busy machine a few evaluations may take so long that they earn a template.
    assert.equal(await kind(), "PROCESS_KIND_ROOT");
    ok(await client.update(id, { provisionedConcurrency: 2 }));
    assert.equal(await kind(), "PROCESS_KIND_TEMPLATE");
    const { body } = await client.commit(id, { "main.ts": `${COUNTER}\n// anew` });
    ok(await client.publish(id, body.commit.id));
    assert.equal(await kind(), "PROCESS_KIND_TEMPLATE");
  },
}, "single");
