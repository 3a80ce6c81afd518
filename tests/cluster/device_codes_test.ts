/**
 * The device flow on two nodes with one database: a sign-in is decided once, its code is redeemed once, and an approver who
 * is disabled at another node leaves nothing.
 */
import assert from "node:assert/strict";
import { INVOKED_DEVICE_CLIENT as clientId } from "../../src/resources/clients.ts";
import { DeviceNode } from "../identity/device_node.ts";
import { approvesWhileDisabled } from "../store/conformance/approvals.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openPostgresStore } from "../support/stores.ts";

const ROUNDS = 20;

function fulfilled(results: readonly PromiseSettledResult<unknown>[]): number {
  return results.filter(({ status }) => status === "fulfilled").length;
}

Deno.test("two nodes decide and redeem a device code once", async (t) => {
  await using postgres = await TestPostgres.start();
  await using opened = new AsyncDisposableStack();
  const url = await postgres.database();
  const open = async () => {
    const directory = opened.use(await makeTempDir());
    return opened.use(
      new DeviceNode(opened.use(await openPostgresStore(directory.path, url, false))),
    );
  };
  const [first, second] = [await open(), await open()];

  await t.step("one decision counts, and one redemption", async () => {
    const by = await first.newOwner("person");
    for (let n = 0; n < ROUNDS; n++) {
      const sender = String(n);
      const { userCode, deviceCode } = await first.request(({ flow }) =>
        flow.begin({ clientId, scope: "", resources: [], address: "", sender })
      );
      const decided = await Promise.allSettled([
        first.request(({ flow }) => flow.approve(by, userCode)),
        second.request(({ flow }) =>
          n % 2 === 0 ? flow.approve(by, userCode) : flow.deny(by, userCode)
        ),
      ]);
      assert.equal(fulfilled(decided), 1, "one decision counts");
      const isDenied = n % 2 === 1 && decided[1].status === "fulfilled";
      const redeemed = await Promise.allSettled(
        [first, second, first, second].map((node) =>
          node.request((own) => own.redeem(clientId, deviceCode, "127.0.0.1"))
        ),
      );
      assert.equal(fulfilled(redeemed), isDenied ? 0 : 1, "a code is redeemed once");
    }
  });

  await t.step(
    "what a principal approves and begins ends as another node disables it",
    () => approvesWhileDisabled(first, second, ROUNDS),
  );
});
