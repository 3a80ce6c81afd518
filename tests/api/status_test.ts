/** `GET /api/v1/status` counts the processes of the machine as they are. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { instancesOf } from "../support/processes.ts";
import { serverSuite } from "../support/suite.ts";

serverSuite("status of the server", { flags: ["--pool-size", "3"] }, {
  async "counts root, templates and waiting instances with their memory"({ client, server }) {
    const status = await eventually(async () => {
      const body = ok(await client.get("/api/v1/status"));
      const { instances, templates, root } = body;
      const isWhole = instances?.waiting === 3 && instances.count === 3 && templates.blank === 3 &&
        root.count === 1;
      return isWhole ? body : undefined;
    }, "three waiting instances, with a template each");
    assert.match(status.walls, /^(?:bubblewrap|landlock|process) /);
    const { limit, ...taken } = status.slots;
    assert.deepEqual(taken, { running: 0, queued: 0 });
    assert.ok(limit > 0);
    assert.match(status.version, /^\d+\.\d+\.\d+$/);
    assert.match(status.uptime, /^\d+(\.\d{3})?s$/);
    const { freeBytes, totalBytes, databaseBytes } = status.disk;
    assert.ok(databaseBytes > 0 && freeBytes > 0 && freeBytes < totalBytes);
    assert.ok(!("workers" in status));
    assert.equal(status.templates.script, 0);
    await eventually(
      () => instancesOf(server.pid).length === 3 || undefined,
      "three processes that are instances",
    );
    for (const group of ["root", "templates", "instances"]) {
      assert.ok(status[group].privateBytes > 0, group);
    }
    // A fork shares what it does not change.
    assert.ok(status.instances.privateBytes < status.root.privateBytes * 3);
  },
  async "counts templates with a script"({ client }) {
    const id = await client.deploy("export default () => ({ ok: 1 });");
    const { body } = await client.update(
      id,
      { provisionedConcurrency: 1 },
      "provisionedConcurrency",
    );
    assert.equal(body.function.provisionedConcurrency, 1);
    await eventually(async () => {
      const { body } = await client.get("/api/v1/status");
      return body.templates.script >= 2 || undefined;
    }, "a template and its copy");
  },
});
