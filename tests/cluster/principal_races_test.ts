/** Two stores on one database: changes of principals, roles and bindings at the same time. */
import assert from "node:assert/strict";
import { OPERATIONS } from "../../src/api/mod.ts";
import { permissionCatalog } from "../../src/api/permissions.ts";
import { Audit } from "../../src/domain/audit/audit.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { Ids } from "../../src/domain/ids.ts";
import {
  Bindings,
  Clients,
  LiveClients,
  newServicePrincipal,
  OWNER,
  type Principal,
  Roles,
  ServicePrincipals,
} from "../../src/domain/identity/mod.ts";
import { Pages } from "../../src/domain/paging.ts";
import { SessionLinks } from "../../src/domain/sessions/session_links.ts";
import type { Store } from "../../src/store/mod.ts";
import { NO_TELEMETRY } from "../../src/telemetry/contract.ts";
import { functionRow } from "../store/conformance/rows.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestPostgres } from "../support/postgres.ts";
import { openPostgresStore } from "../support/stores.ts";

const ROUNDS = 20;
const ids = new Ids();
const pages = new Pages(new Uint8Array(32));
const liveClients = new LiveClients(permissionCatalog(OPERATIONS), Infinity);
const LIST = "c1.api.functions.v1.FunctionsService.ListFunctions";

const principalsOf = (store: Store) => new ServicePrincipals({ store, pages, ids, liveClients });
const rolesOf = (store: Store) => new Roles(store, pages, ids, liveClients);

/** What came of two pieces of work at the same time: `done`, or the reason of an error. */
async function race(...work: readonly Promise<unknown>[]): Promise<string[]> {
  return (await Promise.allSettled(work)).map((result) => {
    if (result.status === "fulfilled") return "done";
    return result.reason instanceof DomainError ? result.reason.reason : assert.fail(result.reason);
  });
}

async function newOwner(store: Store): Promise<Principal> {
  const made = await newServicePrincipal(ids, {
    displayName: "owner",
    roles: [OWNER.id],
    host: "127.0.0.1",
  });
  await store.write((tx) => made.insert(tx));
  const row = await store.read.identity.client(made.clientId);
  return liveClients.of(row)?.principal ?? assert.fail("the client is not live");
}

Deno.test("two nodes change principals, roles and bindings at the same time", async (t) => {
  await using postgres = await TestPostgres.start();
  await using opened = new AsyncDisposableStack();
  const url = await postgres.database();
  const open = async () => {
    const directory = opened.use(await makeTempDir());
    return opened.use(await openPostgresStore(directory.path, url, false));
  };
  const [one, other] = [await open(), await open()];
  const owner = await newOwner(one);

  await t.step("of two owners that remove each other, one remains", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const rival = await newOwner(one);
      const changes = [
        (by: Principal, of: Principal, store: Store) => principalsOf(store).setRoles(by, of.id, []),
        (by: Principal, of: Principal, store: Store) =>
          principalsOf(store).update(by, of.id, { disabled: true }, undefined),
      ];
      const [change = assert.fail()] = changes.slice(round % changes.length);
      const outcomes = await race(change(owner, rival, one), change(rival, owner, other));
      assert.deepEqual(outcomes.toSorted(), ["LAST_OWNER", "done"]);
      const winner = outcomes[0] === "done" ? owner : rival;
      await principalsOf(one).update(winner, owner.id, { disabled: false }, undefined);
      await principalsOf(one).setRoles(winner, owner.id, [OWNER.id]);
      await principalsOf(one).delete(owner, rival.id);
    }
  });

  await t.step("a principal is either bound or deleted", async () => {
    const functionId = ids.next();
    await one.write((tx) => tx.functions.insert(functionRow({ id: functionId })));
    for (let round = 0; round < ROUNDS; round++) {
      const { id } = await principalsOf(one).create(`bound ${round}`);
      const outcomes = await race(
        new Bindings(one, pages, liveClients).add(owner, id, functionId),
        principalsOf(other).delete(owner, id),
      );
      const expected = outcomes[0] === "done"
        ? ["done", "PRINCIPAL_IN_USE"]
        : ["PRINCIPAL_NOT_FOUND", "done"];
      assert.deepEqual(outcomes, expected);
    }
  });

  await t.step("a role is either given or deleted", async () => {
    const { id } = await principalsOf(one).create("holder");
    for (let round = 0; round < ROUNDS; round++) {
      const role = await rolesOf(one).create(owner, { displayName: `given ${round}` });
      const roleId = "custom" in role ? role.custom.id : assert.fail();
      const outcomes = await race(
        principalsOf(one).setRoles(owner, id, [roleId]),
        rolesOf(other).delete(owner, roleId),
      );
      const expected = outcomes[0] === "done" ? ["done", "ROLE_IN_USE"] : ["INVALID_FIELD", "done"];
      assert.deepEqual(outcomes, expected);
    }
  });

  await t.step("no principal gets more credentials and links than its limit", async () => {
    const made = await newServicePrincipal(ids, { displayName: "full", roles: [], host: "h" });
    await one.write((tx) => made.insert(tx));
    const row = await one.read.identity.client(made.clientId);
    const by = liveClients.of(row)?.principal ?? assert.fail("the client is not live");
    const limits = { linkLifetimeMs: 60_000, isProviderOnly: false };
    const audit = opened.use(new Audit(one, ids, NO_TELEMETRY));
    const both = async (most: number, work: (store: Store) => Promise<unknown>) => {
      const attempts = Array.from({ length: most }, (_, n) => work(n % 2 === 0 ? one : other));
      return (await race(...attempts)).filter((outcome) => outcome === "done").length;
    };
    const links = await both(
      30,
      (store) =>
        new SessionLinks({ store, liveClients, audit, limits, url: "http://h" }).create(by),
    );
    const clients = await both(
      110,
      (store) => new Clients(store, pages, ids, liveClients, "h").create(by, {}, undefined),
    );
    assert.deepEqual([links, clients], [20, 100]);
  });

  await t.step("two changes of one role both count", async () => {
    const role = await rolesOf(one).create(owner, { displayName: "changed" });
    const id = "custom" in role ? role.custom.id : assert.fail();
    for (let round = 0; round < ROUNDS; round++) {
      const displayName = `changed ${round}`;
      const permissions = round % 2 === 0 ? [LIST] : [];
      const outcomes = await race(
        rolesOf(one).update(owner, id, { displayName }, "displayName"),
        rolesOf(other).update(owner, id, { permissions }, "permissions"),
      );
      assert.deepEqual(outcomes, ["done", "done"]);
      const after = await rolesOf(one).get(owner, id);
      const name = "custom" in after && after.custom.displayName;
      assert.deepEqual([name, after.permissions], [displayName, permissions]);
    }
  });
});
