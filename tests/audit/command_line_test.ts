/** `invoked audit`: the last events, searches, and the check of the chain. */
import assert from "node:assert/strict";
import { Running } from "../cli/support.ts";
import { runInvoked } from "../support/invoked.ts";
import { quietSuite } from "../support/suite.ts";
import { lastUid, verification } from "./support.ts";

quietSuite("invoked audit", {
  "prints, finds and follows events": async ({ client, server }) => {
    const env = { INVOKED_DATA: server.dataDir };
    const audit = (...args: string[]) => runInvoked(["audit", ...args], { env });
    const { function: { id } } = await client.createFunction("shown");
    const tail = await audit("tail", "--limit", "1", "--operation", "CreateFunction");
    assert.match(
      tail.stdout,
      new RegExp(`^\\S+\\tAdministrator\\tCreateFunction\\tSuccess\\tfunction ${id}\\n$`),
    );
    const json = await audit("tail", "--json", "--limit", "2", "--actor", "Administrator");
    const [, last] = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.equal(last.class_uid, 3002, "the token of the command itself");
    const found = await audit("search", "--since", "1h", "--resource", id, "--json");
    assert.deepEqual(JSON.parse(found.stdout).resources[0].uid, id);
    const none = await audit("search", "--actor", "Nobody");
    assert.deepEqual([none.code, none.stdout], [0, ""]);
    assert.equal((await audit("search", "--since", "never")).code, 2);

    await using following = new Running(
      ["audit", "tail", "--follow", "--limit", "1", "--operation", "CreateFunction"],
      env,
    );
    await following.printed("stdout", new RegExp(`function ${id}\n$`));
    const { function: { id: newId } } = await client.createFunction("followed");
    await following.printed("stdout", new RegExp(`function ${newId}\n$`));
    assert.equal(await following.stop("SIGINT"), 0);
  },

  "checks the chain, and fails with a head that the chain lacks": async ({ client, server }) => {
    const env = { INVOKED_DATA: server.dataDir };
    const { head } = await verification(client);
    const intact = await runInvoked(["audit", "verify", "--head", head.hash], { env });
    assert.equal(intact.code, 0, intact.stderr);
    assert.match(intact.stderr, /^The chain is intact: [0-9,]+ events$/m);
    assert.match(intact.stdout, /^head {3}[0-9a-f]{64}\nevent {2}\w{27} \(number \d+\)\n$/);
    const other = await runInvoked(["audit", "verify", "--head", "1".repeat(64)], { env });
    assert.equal(other.code, 1);
    assert.match(other.stdout, /^cut\t\d+\t\t.*cut or replaced since/m);
    assert.match(other.stderr, /^error: The audit log was changed: 1 finding/m);
    assert.equal((await runInvoked(["audit", "verify", "--head", "ABC"], { env })).code, 2);
    assert.notEqual(await lastUid(client), head.eventUid);
  },
});
