/** Databases as earlier versions left them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { CamelCasePlugin, Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import type { Dialect } from "../../src/store/dialect.ts";
import { MIGRATIONS } from "../../src/store/migrations/mod.ts";
import type { Store } from "../../src/store/mod.ts";
import { OPERATIONS } from "../../src/api/mod.ts";
import { permissionCatalog } from "../../src/api/permissions.ts";
import { ClientCredentialsGrant, LiveClients } from "../../src/domain/identity/mod.ts";
import { BUILTIN_ROLE_IDS } from "../../src/resources/roles.ts";

export const TIME = "2026-01-01T00:00:00.000Z";

// deno-lint-ignore no-explicit-any -- the schema of an earlier version
export type EarlierDatabase = Kysely<any>;

/** Creates a database as it was after a migration, and closes it. */
export async function createEarlierDatabase(
  dialect: Dialect,
  migration: string,
  fill: (db: EarlierDatabase) => Promise<void>,
): Promise<void> {
  const db: EarlierDatabase = new Kysely({
    dialect: dialect.writer,
    plugins: [new CamelCasePlugin()],
  });
  const provider = { getMigrations: () => Promise.resolve(MIGRATIONS) };
  const { error } = await new Migrator({ db, provider }).migrateTo(migration);
  assert.equal(error, undefined);
  await fill(db);
  await db.destroy();
  await dialect.close();
}

/** A function with one commit. */
export async function insertFunction(
  db: EarlierDatabase,
  name: string,
  columns: Readonly<Record<string, unknown>>,
): Promise<void> {
  await db.insertInto("functions").values({
    id: `function-${name}`,
    displayName: name,
    description: "",
    functionType: "FUNCTION_TYPE_ANY",
    isDraft: 0,
    outboundNetworkAllowlist: "[]",
    provisionedConcurrency: 0,
    scopedRoleIds: "[]",
    createdAt: TIME,
    updatedAt: TIME,
    ...columns,
  }).execute();
  await db.insertInto("commits").values({
    id: `commit-${name}`,
    functionId: `function-${name}`,
    message: `made for ${name}`,
    author: "",
    createdAt: TIME,
    expiresAt: TIME,
  }).execute();
}

const FAILURES: Readonly<Record<string, string>> = {
  threw: "UNCAUGHT: Error: HTTP_5XX: it broke",
  quota: "VFS_QUOTA: over",
  empty: "TIMEOUT: ",
};

/** Creates a database of the version before the column of error codes, with invocations that failed, and one that did not. */
export async function createWithoutErrorCodes(dialect: Dialect): Promise<void> {
  await createEarlierDatabase(dialect, "028_build_warnings", async (db) => {
    await insertFunction(db, "failing", {});
    const row = {
      functionId: "function-failing",
      commitId: "commit-failing",
      principalId: "principal",
      mode: "sync",
      input: "{}",
      createdAt: TIME,
      updatedAt: TIME,
    };
    const failed = Object.entries(FAILURES).map(([name, error]) => ({
      ...row,
      ...{ id: `000-${name}`, status: "ERROR", error },
    }));
    await db.insertInto("invocations").values(failed).execute();
    const ended = { id: "000-fine", status: "SUCCESS", output: "{}", failedAnswer: 1 };
    await db.insertInto("invocations").values({ ...row, ...ended }).execute();
  });
}

/** Asserts that the codes of {@link createWithoutErrorCodes} were filled in. */
export async function assertErrorCodes({ read: { invocations } }: Store): Promise<void> {
  const codes = [...Object.keys(FAILURES), "fine"].map(async (name) =>
    (await invocations.row(`000-${name}`))?.errorCode
  );
  assert.deepEqual(await Promise.all(codes), ["UNCAUGHT", "VFS_QUOTA", "TIMEOUT", null]);
}

/** Roles of version 0.1 by the clients that are limited to them, and of functions. */
const CLIENT_ROLES: Readonly<Record<string, readonly string[]>> = {
  whole: [],
  reading: ["reader"],
  invoking: ["invoker"],
  both: ["reader", "invoker"],
  odd: ["king"],
};
const FUNCTION_ROLES: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  calling: ["invoker"],
  ruling: ["administrator"],
  seeing: ["reader", "king"],
};
const SECRET = "secret-token:conductorone.com:v1:old";
const [VIEWER, INVOKER, OWNER] = [
  BUILTIN_ROLE_IDS["system:viewer"],
  BUILTIN_ROLE_IDS["functions:invoker"],
  BUILTIN_ROLE_IDS["system:owner"],
];

/** Creates a database of the version before roles had ids, with an administrator, clients and functions. */
export async function createWithRoleNames(dialect: Dialect): Promise<void> {
  await createEarlierDatabase(dialect, "029_error_code", async (db) => {
    const roles = '["administrator"]';
    await db.insertInto("servicePrincipals")
      .values({ id: "principal", displayName: "Administrator", roles, createdAt: TIME }).execute();
    for (const [name, scopedRoles] of Object.entries(CLIENT_ROLES)) {
      await db.insertInto("credentials").values({
        id: `credential-${name}`,
        clientId: `${name}@localhost/pcc`,
        principalId: "principal",
        displayName: name,
        scopedRoles: JSON.stringify(scopedRoles),
        disabled: 0,
        secretHash: createHash("sha256").update(SECRET).digest("base64url"),
        publicJwk: "{}",
        createdAt: TIME,
        updatedAt: TIME,
      }).execute();
    }
    for (const [name, scopedRoleIds] of Object.entries(FUNCTION_ROLES)) {
      await insertFunction(db, name, { scopedRoleIds: JSON.stringify(scopedRoleIds) });
    }
  });
}

/** Asserts that everybody of {@link createWithRoleNames} has the rights of before, under the ids of roles. */
export async function assertRoleIds(store: Store): Promise<void> {
  const liveClients = new LiveClients(permissionCatalog(OPERATIONS), Infinity);
  const grant = new ClientCredentialsGrant(store, liveClients, "localhost");
  const rolesOf = async (name: string) => {
    const form = { client_id: `${name}@localhost/pcc`, client_secret: SECRET };
    const { client } = await grant.authenticate(new URLSearchParams(form));
    return client.principal.access.roleIds.toSorted();
  };
  assert.deepEqual(await rolesOf("whole"), [OWNER]);
  assert.deepEqual(await rolesOf("reading"), [VIEWER]);
  assert.deepEqual(await rolesOf("invoking"), [INVOKER]);
  assert.deepEqual(await rolesOf("both"), [INVOKER, VIEWER].toSorted());
  assert.deepEqual(await rolesOf("odd"), [], "a name that was no role gives no rights");
  const wrong = new URLSearchParams({ client_id: "whole@localhost/pcc", client_secret: "other" });
  await assert.rejects(grant.authenticate(wrong), { error: "invalid_client" });

  const functionRoles = async (name: string) => {
    const fn = await store.read.functions.get(`function-${name}`) ?? assert.fail(name);
    const ids = JSON.parse(fn.scopedRoleIds) as string[];
    const access = liveClients.functionAccess(fn, undefined, []);
    assert.equal(access.may("c1.api.functions.v1.FunctionsService.GetFunction", "other"), true);
    return ids;
  };
  assert.deepEqual(await functionRoles("plain"), [VIEWER], "functions go on reading");
  assert.deepEqual(await functionRoles("calling"), [VIEWER, INVOKER]);
  assert.deepEqual(await functionRoles("ruling"), [VIEWER, OWNER]);
  assert.deepEqual(await functionRoles("seeing"), [VIEWER, "king"]);
  const { rows } = await store.read.identity.principals({}, { size: 9, after: undefined });
  assert.deepEqual(
    rows.map(({ id, kind, disabled, updatedAt }) => [id, kind, disabled, updatedAt]),
    [["principal", "service", 0, TIME]],
  );
}
