/** Functions, commits, configurations, callers and volumes never share state. */
import assert from "node:assert/strict";
import { ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { deployWithSdk, outputOf } from "../sdk/support.ts";
import { Volume } from "../volumes/support.ts";
import { call, change, deployReused, moduleOf, warm } from "./support.ts";

const COUNT = moduleOf("");

sharedSuite("process reuse: apart", {
  "functions with the same code": async ({ client }) => {
    const [one, other] = [await deployReused(client, COUNT), await deployReused(client, COUNT)];
    const process = await warm(client, one);
    const { process: another, calls } = await call(client, other);
    assert.equal(calls, 1);
    assert.notEqual(another, process);
  },

  "commits, also with the same code, and back again": async ({ client }) => {
    const id = await deployReused(client, COUNT);
    const first = ok(await client.get(`/api/v1/functions/${id}`)).function.publishedCommitId;
    const process = await warm(client, id);
    const { commit } = ok(await client.commit(id, { "main.ts": COUNT }));
    await change(client, id, { publishedCommitId: commit.id });
    const { process: another, calls } = await call(client, id);
    assert.equal(calls, 1);
    assert.notEqual(another, process);
    const { process: older } = await call(client, id, {}, { commitId: first });
    assert.notEqual(older, another);
  },

  "secrets, allowlists and roles": async ({ client }) => {
    const id = await deployReused(client, COUNT);
    for (
      const fields of [
        { secret: { KEY: "one value" } },
        { secret: { KEY: "another value" } },
        { secret: {} },
        { outboundNetworkAllowlist: ["example.com"] },
        { outboundNetworkAllowlist: ["example.com", "example.org"] },
        { scopedRoleIds: ["invoker"] },
      ]
    ) {
      const process = await warm(client, id);
      await change(client, id, fields);
      const { process: another, calls } = await call(client, id);
      assert.equal(calls, 1, JSON.stringify(fields));
      assert.notEqual(another, process, JSON.stringify(fields));
    }
  },

  "callers": async ({ client }) => {
    const id = await deployReused(client, COUNT);
    const process = await warm(client, id);
    const caller = await deployWithSdk(client, "return (await invoke(input.id)).output;", [
      "invoker",
    ]);
    const { process: another, calls } = await outputOf(client, caller, { id });
    assert.equal(calls, 1);
    assert.notEqual(another, process);
  },

  "volumes": async ({ client }) => {
    const id = await deployReused(client, COUNT);
    const [one, other] = [await Volume.create(client), await Volume.create(client)];
    const process = await warm(client, id, { vfsId: one.id });
    for (const more of [{ vfsId: other.id }, {}]) {
      const { process: another, calls } = await call(client, id, {}, more);
      assert.equal(calls, 1);
      assert.notEqual(another, process);
    }
  },
});
