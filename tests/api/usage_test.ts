/** Usage sums up what the attempts of invocations took, by day, function and principal. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { usageCsvLine, type UsageRow } from "../../src/resources/usage.ts";
import { makePrincipal, makeRole, ownId, PRINCIPALS, signIn } from "../identity/principals.ts";
import { BACKGROUND, QUICK, settings, start, UNSTEADY } from "../retries/support.ts";
import { deployWithSdk, outputOf } from "../sdk/support.ts";
import type { Client, Json } from "../support/client.ts";
import { assertError, MAIN, ok } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import type { Served } from "../support/server.ts";
import { sharedSuite } from "../support/suite.ts";
import { Volume } from "../volumes/support.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const PATH = "/api/v1/usage";
const MOODY = `export default ({ fail }) => { if (fail) throw new Error("no"); return {}; };`;

/** Midnight may pass during a step. */
const yesterday = () => new Date(Date.now() - DAY_MS).toISOString().slice(0, 10);

async function usage(client: Client, query: Json): Promise<Json> {
  return ok(await client.get(`${PATH}?${new URLSearchParams({ from: yesterday(), ...query })}`));
}

const totalOf = async (client: Client, id: string) =>
  (await usage(client, { function_id: id })).total;
const countsOf = ({ invocations, errors, attempts }: Json) =>
  [invocations, errors, attempts].map(Number);
const micros = (duration: string) => Math.round(Number(duration.slice(0, -1)) * 1_000_000);

/** Gives a function usage on days long ago. */
function giveDays(server: Served, functionId: string, days: readonly string[]): void {
  using db = new DatabaseSync(join(server.dataDir, "invoked.db"), { timeout: 60_000 });
  const insert = db.prepare(
    "insert into usage values (?, ?, 'someone', 0, 1, 0, 1, 5, 5, 5, 0, 0)",
  );
  for (const day of days) insert.run(day, functionId);
}

const NOTHING: UsageRow = {
  invocations: "0",
  errors: "0",
  attempts: "0",
  cpuTime: "0.000000s",
  wallTime: "0.000000s",
  gbSeconds: 0,
  egressBytes: "0",
  volumeBytes: "0",
};

const daysOf = ({ list }: Json) => list.map(({ day }: Json) => day);

sharedSuite("usage", {
  async "is the sum of what the records of invocations show"({ client }) {
    const volume = await Volume.create(client);
    const id = await client.deploy(
      `import { vfs } from "@c1/functions-sdk";
      export default async ({ fail }) => {
        await vfs.writeTextFile("a.txt", "x".repeat(1000));
        await vfs.readTextFile("a.txt");
        if (fail) throw new Error("no");
        return {};
      };`,
    );
    await settings(client, id, { memoryMib: 128 });
    const records: Json[] = [];
    for (const input of [{}, { fail: true }, {}]) {
      const { invocationId } = ok(await client.invoke(id, input, {}, { vfsId: volume.id }));
      records.push(await client.invocation(id, invocationId));
    }
    const total = await totalOf(client, id);
    assert.deepEqual(countsOf(total), [3, 1, 3]);
    const sum = (of: (usage: Json) => number) =>
      records.reduce((all, record) => all + of(record.usage), 0);
    assert.equal(micros(total.cpuTime), sum(({ cpuTime }) => micros(cpuTime)));
    assert.equal(micros(total.wallTime), sum(({ wallTime }) => micros(wallTime)));
    assert.ok(micros(total.cpuTime) > 0 && micros(total.wallTime) > 0, JSON.stringify(total));
    assert.equal(Number(total.volumeBytes), sum(({ volumeBytes }) => Number(volumeBytes)));
    assert.ok(Number(total.volumeBytes) >= 3000, total.volumeBytes);
    const gbSeconds = micros(total.wallTime) / 1_000_000 * 128 / 1024;
    // Each invocation is rounded to a MiB for a millisecond.
    assert.ok(Math.abs(total.gbSeconds - gbSeconds) <= 3 * 0.5 / 1024 / 1000, total.gbSeconds);
  },
  async "counts each attempt, and the invocation once"({ client }) {
    const id = await client.deploy(UNSTEADY);
    await settings(client, id, { retryPolicy: { ...QUICK, maxAttempts: 3 } });
    const succeeded = await client.ended(id, await start(client, id, { until: 3 }));
    assert.equal(succeeded.attempt, 3);
    const first = await totalOf(client, id);
    assert.deepEqual(countsOf(first), [1, 0, 3]);
    // More than the record shows, which has the last attempt.
    assert.ok(micros(first.cpuTime) > micros(succeeded.usage.cpuTime), first.cpuTime);
    await client.ended(id, await start(client, id, { until: 9 }));
    assert.deepEqual(countsOf(await totalOf(client, id)), [2, 1, 6]);
  },
  async "counts an invocation that did not start, without an attempt"({ client }) {
    const id = await client.deploy(MAIN);
    const later = new Date(Date.now() + DAY_MS).toISOString();
    const { invocationId } = ok(await client.invoke(id, {}, { ...BACKGROUND, "invoke-at": later }));
    ok(await client.post(`/api/v1/functions/${id}/invocations/${invocationId}/cancel`, {}));
    const total = await totalOf(client, id);
    assert.deepEqual([...countsOf(total), total.wallTime], [1, 1, 0, "0.000000s"]);
  },
  async "does not count skipped invocations"({ client }) {
    const id = await client.deploy(MAIN);
    await settings(client, id, { debounce: { delay: "1s", maxDelay: "1s" } });
    const ids = [await start(client, id), await start(client, id)];
    await Promise.all(ids.map((each) => client.ended(id, each)));
    assert.deepEqual(countsOf(await totalOf(client, id)), [1, 0, 1]);
  },
  async "belongs to the caller, and for triggers to the principal that the function acts as"(
    { client },
  ) {
    const id = await client.deploy(MAIN);
    const principal = await makePrincipal(client, '=usage,"of" a function');
    const caller = await deployWithSdk(client, `return { id: (await invoke("${id}")).id };`, [
      "functions:invoker",
    ]);
    ok(await client.invoke(id));
    await outputOf(client, caller);
    const triggers = `/api/v1/functions/${id}/triggers`;
    const yearly = { displayName: "yearly", schedule: { cronSpec: "0 0 1 1 *" } };
    const { trigger: { id: triggerId } } = ok(await client.post(triggers, { trigger: yearly }));
    const run = async () => {
      const { invocationId } = ok(await client.post(`${triggers}/${triggerId}/run`, {}));
      await client.ended(id, invocationId);
    };
    await run();
    const names = async () => {
      const { list } = await usage(client, { function_id: id, group_by: "principal" });
      return Object.fromEntries(list.map((each: Json) => [
        each.principalId,
        [each.principalDisplayName, Number(each.invocations)],
      ]));
    };
    const own = await ownId(client);
    const before = await names();
    assert.deepEqual(before[caller], ["test", 1]);
    assert.deepEqual(before[id], ["test", 1]);
    assert.equal(before[own]?.[1], 1);
    const binding = { servicePrincipalId: principal, subject: { functionId: id } };
    ok(await client.post(`${PRINCIPALS}/bindings`, binding));
    await run();
    assert.deepEqual(await names(), { ...before, [principal]: ['=usage,"of" a function', 1] });
    const query = { function_id: id, principal_id: principal };
    assert.deepEqual(countsOf((await usage(client, query)).total), [1, 0, 1]);
  },
  async "has days in UTC, with both ends of the range, across months and a leap day"(
    { client, server },
  ) {
    const id = await client.deploy(MAIN);
    const days = ["2023-12-31", "2024-01-01", "2024-02-28", "2024-02-29", "2024-03-01"];
    giveDays(server, id, days);
    const of = async (query: Json) =>
      ok(await client.get(`${PATH}?${new URLSearchParams({ function_id: id, ...query })}`));
    const byDay = { group_by: "day" };
    assert.deepEqual(daysOf(await of({ ...byDay, from: "2023-01-01", to: "2024-12-31" })), days);
    const some = await of({ ...byDay, from: "2024-01-01", to: "2024-02-29" });
    assert.deepEqual([daysOf(some), Number(some.total.attempts)], [days.slice(1, 4), 3]);
    // Without a first day, the month of the last one counts.
    const february = await of({ ...byDay, to: "2024-02-29" });
    assert.deepEqual([february.from, february.to, daysOf(february)], [
      "2024-02-01",
      "2024-02-29",
      ["2024-02-28", "2024-02-29"],
    ]);
    const { from, to, list } = await of(byDay);
    assert.deepEqual([from.slice(0, 7), from.slice(7), list], [to.slice(0, 7), "-01", []]);
  },
  async "has pages, whose tokens are for the same request"({ client, server }) {
    const id = await client.deploy(MAIN);
    const days = Array.from(
      { length: 25 },
      (_, n) => new Date(Date.UTC(2024, 0, 20 + n)).toISOString().slice(0, 10),
    );
    giveDays(server, id, days);
    const query = {
      function_id: id,
      group_by: "day,function",
      from: "2024-01-01",
      to: "2024-12-31",
    };
    const found: string[] = [];
    let token = "";
    for (let page = 0; page === 0 || token !== ""; page++) {
      const sent = { ...query, page_size: "10", page_token: token };
      const { list, nextPageToken, total } = await usage(client, sent);
      assert.equal(total === undefined, page > 0, "the total is on the first page");
      found.push(...daysOf({ list }));
      if (nextPageToken !== "") {
        const other = { ...query, group_by: "day", page_token: nextPageToken };
        const answer = await client.get(`${PATH}?${new URLSearchParams(other)}`);
        assertError(answer, "INVALID_PAGE_TOKEN", /pageToken/);
      }
      token = nextPageToken;
    }
    assert.deepEqual(found, days);
  },
  async "outlives the invocations and the function"({ client }) {
    const id = await client.deploy(MOODY);
    ok(await client.invoke(id));
    ok(await client.invoke(id, { fail: true }));
    const before = await totalOf(client, id);
    const purge = { before: new Date(Date.now() + DAY_MS).toISOString() };
    assert.equal(ok(await client.post(`/api/v1/functions/${id}/purge`, purge)).invocations, 2);
    const name = "the last name of a deleted function";
    await settings(client, id, { displayName: name });
    assert.equal((await client.call("DELETE", `/api/v1/functions/${id}`)).status, 200);
    const { list: [group], total } = await usage(client, { function_id: id });
    assert.deepEqual([total, countsOf(total)], [before, [2, 1, 2]]);
    assert.deepEqual([group.functionId, group.functionDisplayName], [id, name]);
  },
  async "shows a narrowed caller its functions, and no names of principals"({ client }) {
    const [mine, other] = [await client.deploy(MAIN), await client.deploy(MAIN)];
    for (const id of [mine, other]) ok(await client.invoke(id));
    const role = await makeRole(client, {
      displayName: "usage of one function",
      permissions: ["invoked.UsageService.List"],
      functionIds: [mine],
    });
    const { as } = await signIn(client, await makePrincipal(client, "accountant", [role.id]));
    const seen = await usage(as, { group_by: "function,principal" });
    const own = await ownId(client);
    assert.deepEqual(
      seen.list.map((each: Json) => [each.functionId, each.principalId, each.principalDisplayName]),
      [[mine, own, undefined]],
    );
    assert.deepEqual(countsOf(seen.total), [1, 0, 1]);
    const hidden = await usage(as, { function_id: other });
    assert.deepEqual([hidden.list, countsOf(hidden.total)], [[], [0, 0, 0]]);
  },
  async "is printed as a table, as JSON and as CSV, whatever the time zone of the caller"(
    { client, server },
  ) {
    const id = await client.deploy(MAIN);
    giveDays(server, id, ["2024-02-28", "2024-02-29", "2024-03-01"]);
    const env = { INVOKED_DATA: server.dataDir, TZ: "Pacific/Kiritimati" };
    const run = async (...args: string[]) => await runInvoked(["usage", ...args], { env });
    const printed = async (...args: string[]) => {
      const { code, stdout, stderr } = await run(...args);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const days = ["--from", "2024-02-29", "--to", "2024-03-01"];
    const { list, total, ...range } = JSON.parse(await printed(id, ...days, "--json"));
    assert.deepEqual(range, { from: "2024-02-29", to: "2024-03-01" });
    assert.deepEqual([list.length, list[0].functionId, total.invocations], [1, id, "2"]);
    assert.equal(
      await printed(id, ...days, "--by", "principal,day"),
      ["2024-02-29", "2024-03-01"].map((day) =>
        `${[day, "someone", 1, 0, 1, "0.000005", "0.000005", 5 / 1024000, 0, 0].join("\t")}\n`
      ).join(""),
    );
    const line = (day: string) =>
      `${day},${id},,1,0,1,0.000005,0.000005,${5 / 1024000},0,0,test,\n`;
    const head = "day,function_id,principal_id,invocations,errors,attempts,cpu_seconds," +
      "wall_seconds,gb_seconds,egress_bytes,volume_bytes,function_name,principal_name\n";
    assert.equal(
      await printed(id, ...days, "--by", "day,function", "--csv"),
      head + line("2024-02-29") + line("2024-03-01"),
    );
    const { code, stderr } = await run("--from", "yesterday");
    assert.equal(code, 2);
    assert.match(stderr, /Invalid --from: "yesterday" is not a day\nnext: write it as 2026-01-31/);
    const { stderr: by } = await run("--by", "week");
    assert.match(by, /Invalid --by: "week" is not one of day, function, principal/);
  },
  async "gives spreadsheets no formula"({ client, server }) {
    const names = [
      ...["=1+1", "+1", "-1", "@sum(a1)", "＝1+1", " =1", "\u200b=1", "\t=1", '"=1",=1'],
      ...['a,"b"', "a\nb", "\u001b[31mred", "harmless"],
    ];
    const id = await client.deploy(MAIN);
    giveDays(server, id, ["2024-05-01"]);
    const cells = names.map((functionDisplayName) =>
      /^,,,(?:0,){8}(.*),\n$/.exec(usageCsvLine({ ...NOTHING, functionDisplayName }))?.[1]
    );
    assert.deepEqual(cells, [
      ...[`"'=1+1"`, `"'+1"`, `"'-1"`, `"'@sum(a1)"`, `"'＝1+1"`, `"' =1"`, `"'\u200b=1"`],
      ...[`"' =1"`, `"""=1"",=1"`, `"a,""b"""`, `"a b"`, `" [31mred"`, "harmless"],
    ]);
    // Through the front door, with a name that a developer may give.
    await settings(client, id, { displayName: names[0] ?? "" });
    const args = ["usage", id, "--from", "2024-05-01", "--to", "2024-05-01", "--csv"];
    const { stdout: csv } = await runInvoked(args, { env: { INVOKED_DATA: server.dataDir } });
    assert.match(csv, /^,\w{27},,1,.*,"'=1\+1",$/m);
  },
  async "rejects days, groups and functions that do not exist"({ client }) {
    const rejected = async (query: Json, message: RegExp) => {
      const answer = await client.get(`${PATH}?${new URLSearchParams(query)}`);
      assertError(answer, "INVALID_FIELD", message);
    };
    await rejected({ from: "2026-02-30" }, /^from: must be a day in UTC such as 2026-01-31/);
    await rejected({ to: "2026-01-31T00:00:00Z" }, /^to: must be a day in UTC/);
    await rejected(
      { from: "2026-02-01", to: "2026-01-31" },
      /^from: 2026-02-01 is after to, which is 2026-01-31/,
    );
    await rejected(
      { group_by: "day,week" },
      /^group_by: must be day, function, principal, or several .* it has "week"/,
    );
    assertError(await client.get(`${PATH}?function_id=none`), "FUNCTION_NOT_FOUND", /none/);
  },
});
