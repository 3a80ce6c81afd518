/** Operations that destroy reject what they do not know: a misspelt field must not destroy more than was meant. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { assertBoth, described } from "./operations.ts";

const FUNCTIONS = "/api/v1/functions";
const VOLUMES = "/api/v1/vfs/volumes";

/** Operations that destroy, besides each DELETE. */
const DESTROYING = [
  "invoked.DeadLetterService.BulkDrop",
  "invoked.DeadLetterService.BulkReplay",
  "invoked.DeadLetterService.Replay",
  "invoked.FunctionService.ClearCircuitBreaker",
  "invoked.FunctionService.Purge",
  "invoked.InvocationService.BulkCancel",
  "invoked.InvocationService.BulkReplay",
  "invoked.InvocationService.Cancel",
  "invoked.RetentionService.PurgeExpired",
  "invoked.TriggerService.ApplyTriggers",
];

async function functionOf(client: Client, id: string): Promise<Json> {
  return ok(await client.get(`${FUNCTIONS}/${id}`)).function;
}

sharedSuite("operations that destroy", {
  "purge, cancel and replay do nothing in a dry run, however it is spelt": async ({ client }) => {
    const id = await client.deploy(MAIN);
    const { invocationId } = ok(await client.invoke(id));
    const before = new Date(Date.now() + 60_000).toISOString();
    const purge = `${FUNCTIONS}/${id}/purge`;
    for (const dryRun of [{ dry_run: true }, { dryRun: true }]) {
      assert.equal(ok(await client.post(purge, { before, ...dryRun })).invocations, 1);
      const filter = { id_prefix: invocationId };
      const replay = `${FUNCTIONS}/${id}/invocations/replay`;
      assert.equal(ok(await client.post(replay, { filter, ...dryRun })).count, 1);
    }
    const misspelt = await client.post(purge, { before, dry_rnu: true });
    assertInvalid(misspelt, "dry_rnu");
    assert.equal(
      misspelt.body.message,
      "dry_rnu: is not a field of this operation, which rejects unknown ones; did you mean dry_run?",
    );
    const far = await client.post(`${purge}?dry_run=true`, { before });
    assertInvalid(
      far,
      "dry_run",
      /^dry_run: is not a query parameter of this operation, .+; it has none$/,
    );
    const nested = { filter: { "error-words": "X", view: 1 }, dryRun: false };
    for (const act of ["invocations/replay", "invocations/cancel", "dead_letters/drop"]) {
      const answer = await client.post(`${FUNCTIONS}/${id}/${act}`, nested);
      assertInvalid(answer, ["filter.error-words", "filter.view"]);
    }
    assert.equal(ok(await client.get(`${FUNCTIONS}/${id}/invocations`)).list.length, 1);
  },

  "a deletion rejects unknown fields, and takes what its path has": async ({ client }) => {
    const { function: { id } } = await client.createFunction("kept");
    const path = `${FUNCTIONS}/${id}`;
    for (
      const body of [{ dry_run: true }, { force: null }, { id: "other" }, { ["x".repeat(1e5)]: 1 }]
    ) {
      const answer = await client.call("DELETE", path, body);
      assertInvalid(answer, Object.keys(body)[0]?.slice(0, 100) ?? "");
    }
    assertInvalid(await client.call("DELETE", `${path}?validateOnly=true`), "validateOnly");
    const tag = { function_id: id, functionId: id, name: "a" };
    assertBoth(
      await client.call("DELETE", `${path}/tags/a`, tag),
      "function_id",
      "function_id and as functionId",
    );
    assert.equal((await functionOf(client, id)).deletedAt, undefined);
    ok(await client.call("DELETE", path, { id }));
    assert.notEqual((await functionOf(client, id)).deletedAt, undefined);
  },

  "a file of a volume stays if a parameter or field is unknown": async ({ client }) => {
    const { volume } = ok(await client.post(VOLUMES, { displayName: "files" }));
    const file = `${VOLUMES}/${volume.id}/files/d/a.txt`;
    assert.equal((await client.call("PUT", file, "text")).status, 201);
    const directory = `${VOLUMES}/${volume.id}/files/d`;
    const misspelt = await client.call("DELETE", `${directory}?recursiv=true`);
    assertInvalid(misspelt, "recursiv", /did you mean recursive\?$/);
    assertInvalid(await client.call("DELETE", file, { dry_run: true }), "dry_run");
    assert.equal((await client.get(file)).status, 200);
    assert.equal((await client.call("DELETE", file, {})).status, 204);
    assert.equal((await client.call("DELETE", directory)).status, 204);
  },

  "changes of triggers reject unknown fields around a trigger, but not in it": async (
    { client },
  ) => {
    const { function: { id } } = await client.createFunction("apply");
    const triggers = `${FUNCTIONS}/${id}/triggers`;
    const { trigger } = ok(
      await client.post(triggers, {
        trigger: { displayName: "t", schedule: { cronSpec: "@daily" } },
      }),
    );
    const misspelt = [
      { changes: [{ id: trigger.id, triger: {} }] },
      { changes: [{ id: trigger.id }], validate_onyl: true },
    ];
    for (const body of misspelt) {
      assertError(await client.post(`${triggers}/apply`, body), "INVALID_FIELD", /did you mean /);
    }
    const changes = [{ id: trigger.id, trigger, updateMask: "paused" }];
    const { list } = ok(await client.post(`${triggers}/apply`, { changes }));
    assert.deepEqual(list.map((each: Json) => each.id), [trigger.id]);
  },

  "all of them reject an unknown field and an unknown parameter": async ({ client }) => {
    const { operations } = await described(client);
    const destroying = operations.filter(({ id, method }) =>
      method === "DELETE" || DESTROYING.includes(id)
    );
    assert.ok(destroying.length >= DESTROYING.length + 8, `${destroying.length} operations`);
    for (const { method, path } of destroying) {
      for (const [sent, body] of [[path, { misspelt: 1 }], [`${path}?misspelt=1`, {}]] as const) {
        assertInvalid(await client.call(method, sent, body), "misspelt", /unknown/);
      }
    }
  },
});
