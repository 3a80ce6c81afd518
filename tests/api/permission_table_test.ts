/**
 * Every operation with every built-in role over every transport: allowed, or rejected with 403. What the server answers is
 * compared with `permission_table.txt`, which people review, and with the groups of `permissions.ts`.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OPERATIONS } from "../../src/api/mod.ts";
import type { Operation } from "../../src/api/operation.ts";
import { makePrincipal, setRolesOf, signIn } from "../identity/principals.ts";
import { LINKS, ofConsole, signIn as signInToConsole } from "../identity/sessions.ts";
import { deployWithSdk, outputOf, setRoles } from "../sdk/support.ts";
import { Client, type Json } from "../support/client.ts";
import { quietSuite, type Stage } from "../support/suite.ts";
import { GROUPS_OF, isAllowed, isGuarded, isOffered, isOfFunction } from "./permissions.ts";

const EVENTS = "/api/v1/events";
const TABLE = new URL("permission_table.txt", import.meta.url);
const COLUMNS = ["no role", ...Object.keys(GROUPS_OF)];
const rolesOf = (column: string) => column === "no role" ? [] : [column];
const HEAD =
  `What each operation answers to callers with no role or one built-in role: H allowed over HTTP with an access token,
C allowed in a session of the console, F allowed as a host call of a function (about another function than itself),
- rejected with 403 wherever it is offered. Operations that need no role are not listed.
tests/api/permission_table_test.ts compares the table with a running server. Change it by hand, and have it reviewed.
`;

/** The letters of the transports over which each operation is allowed, by column. */
type Seen = Map<string, Map<string, string>>;

interface Outcome {
  readonly status: number;
  readonly reason: string | undefined;
}

quietSuite("permissions", {
  "without a token": async ({ client }) => {
    const nobody = new Client(client.url, undefined);
    for (const operation of OPERATIONS) {
      const { operationId } = operation;
      const { status, reason } = await callOverHttp(nobody, operation);
      if (!isGuarded(operationId)) assertPassed(operationId, { status, reason });
      else assert.deepEqual([status, reason], [401, "TOKEN_MISSING"], operationId);
    }
  },

  "with each role over each transport": async ({ client }) => {
    const seen: Seen = new Map(
      OPERATIONS.filter(({ operationId }) => isGuarded(operationId))
        .map(({ operationId }) => [operationId, new Map()]),
    );
    await overHttp(client, seen);
    await asHostCalls(client, seen);
    assert.equal(
      tableOf(seen),
      await Deno.readTextFile(TABLE),
      "the answers differ from the table",
    );
  },

  "an unknown role gives no permission": async (stage) => {
    const principalId = await makePrincipal(stage.client, "unknown roles");
    const { as } = await signIn(stage.client, principalId);
    writeRoles(stage, principalId, ["owner", "__proto__", "constructor", "0".repeat(27)]);
    assert.equal((await as.get("/api/v1/functions")).status, 403);
    assert.equal((await as.get("/api/v1/auth/introspect")).status, 403);
  },
});

/** With an access token, and in a session of the console, of one principal with the role. */
async function overHttp(client: Client, seen: Seen): Promise<void> {
  for (const column of COLUMNS) {
    const principalId = await makePrincipal(client, column, ["system:user"]);
    const { as } = await signIn(client, principalId);
    const cookie = await signInToConsole(as);
    await setRolesOf(client, principalId, rolesOf(column));
    const transports = [["H", as, {}], [
      "C",
      new Client(client.url, undefined),
      { cookie, ...ofConsole(client.url) },
    ]] as const;
    for (const [letter, by, headers] of transports) {
      for (const operation of OPERATIONS.filter(({ operationId }) => isGuarded(operationId))) {
        const { operationId } = operation;
        const outcome = await callOverHttp(by, operation, headers);
        const label = `${operationId} with ${column} over ${letter}`;
        if (letter === "C" && operation.path === LINKS) {
          // It takes an access token alone.
          assert.deepEqual([outcome.status, outcome.reason], [401, "TOKEN_MISSING"], label);
        } else if (!isAllowed(operationId, rolesOf(column))) {
          assert.deepEqual([outcome.status, outcome.reason], [403, "ROLE_MISSING"], label);
        } else {
          assertPassed(label, outcome);
          note(seen, operationId, column, letter);
        }
      }
    }
  }
}

/** Functions with the role. Without one, a function may introspect, and see itself. */
async function asHostCalls(client: Client, seen: Seen): Promise<void> {
  const caller = await deployWithSdk(
    client,
    `const outcomes = {};
    for (const method of input.methods) {
      const call = { method, params: { params: input.params } };
      const { done, json } = await import.meta.invoked.call(JSON.stringify(call));
      outcomes[method] = done ? "DONE" : JSON.parse(json).code;
    }
    return outcomes;`,
  );
  const methods = OPERATIONS.map(({ operationId }) => operationId);
  const params = { function_id: "none", id: "none", commit_id: "none", name: "none" };
  for (const column of COLUMNS) {
    await setRoles(client, caller, rolesOf(column));
    const outcomes: Json = await outputOf(client, caller, { methods, params });
    for (const method of methods) {
      const label = `${method} with ${column}`;
      const code = outcomes[method];
      if (!isOffered(method)) assert.equal(code, "UNIMPLEMENTED", label);
      else if (!isAllowed(method, rolesOf(column)) && !isOfFunction(method)) {
        assert.equal(code, "PERMISSION_DENIED", label);
      } else {
        assert.match(code, /^(?:DONE|NOT_FOUND|INVALID_ARGUMENT|FAILED_PRECONDITION)$/, label);
        note(seen, method, column, "F");
      }
    }
  }
}

function note(seen: Seen, operationId: string, column: string, letter: string): void {
  const row = seen.get(operationId) ?? assert.fail(`${operationId} needs no role`);
  row.set(column, (row.get(column) ?? "") + letter);
}

function tableOf(seen: Seen): string {
  const width = Math.max(...[...seen.keys()].map((id) => id.length)) + 2;
  const line = (first: string, cells: readonly string[]) =>
    (first.padEnd(width) +
      cells.map((cell, at) => cell.padEnd((COLUMNS[at]?.length ?? 0) + 2)).join(""))
      .trimEnd();
  const rows = [...seen].map(([id, row]) => line(id, COLUMNS.map((one) => row.get(one) ?? "-")));
  return [HEAD, line("", COLUMNS), ...rows].join("\n") + "\n";
}

/** An allowed request may fail, but because of a missing resource or field and not of a missing permission. */
function assertPassed(label: string, { status, reason }: Outcome): void {
  assert.ok(status < 500, `${label}: ${status}`);
  assert.doesNotMatch(reason ?? "", /^(?:TOKEN_|SESSION_ENDED|ROLE_MISSING|RATE_LIMITED)/, label);
}

/** Calls an operation about resources that do not exist, with an empty body. */
async function callOverHttp(
  client: Client,
  { method, path }: Operation,
  headers: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const body = method === "get" ? undefined : "{}";
  const target = path.replace(/\{\w+\}/g, "none");
  if (target === EVENTS) return await watchOverHttp(client, headers);
  const answer = await client.call(method.toUpperCase(), target, body, headers);
  return { status: answer.status, reason: answer.body.details?.at(-1)?.reason };
}

/** An answer that has no end is left at once. */
async function watchOverHttp({ url, token }: Client, headers: Readonly<Record<string, string>>) {
  const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url + EVENTS, { headers: { ...bearer, ...headers } });
  if (!response.ok) {
    const { details } = await response.json();
    return { status: response.status, reason: details.at(-1)?.reason };
  }
  await response.body?.cancel();
  return { status: response.status, reason: undefined };
}

/** Roles as no request can set them. */
function writeRoles({ server }: Pick<Stage, "server">, id: string, roles: readonly string[]): void {
  using database = new DatabaseSync(join(server.dataDir, "invoked.db"), { timeout: 60_000 });
  database.prepare("UPDATE principals SET roles = ? WHERE id = ?").run(JSON.stringify(roles), id);
}
