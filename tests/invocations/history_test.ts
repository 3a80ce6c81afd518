import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertError, assertInvalid, DEFAULT_LIMITS, ok } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { ECHO } from "./functions.ts";

const PREFIX = "FUNCTION_INVOCATION_STATUS_";
/** Content that one page holds at most. */
const PAGE_BYTES = 8 * 1024 * 1024;

/** Logs that it runs. Throws where the input says so, else returns it. */
const MOODY = `export default (input: { fail?: string; fruit?: string }) => {
  if (input.fruit !== undefined) console.log("Washed", input.fruit.length, "letters");
  if (input.fail !== undefined) throw new Error(input.fail);
  return { returned: input };
};`;

interface Search {
  readonly status?: string;
  readonly since?: string;
  readonly until?: string;
  readonly query?: string;
  readonly idPrefix?: string;
}

/** Ids of every row, page after page, and how many pages there were. */
async function search(
  client: Client,
  id: string,
  filter: Search,
  pageSize = 10,
): Promise<{ ids: string[]; pages: Json[][] }> {
  const pages: Json[][] = [];
  let pageToken = "";
  do {
    const body = ok(
      await client.post(
        `/api/v1/functions/${id}/invocations/search`,
        { ...filter, pageSize, pageToken },
      ),
    );
    pages.push(body.list);
    pageToken = body.nextPageToken;
  } while (pageToken !== "");
  return { ids: pages.flat().map((row) => row.id), pages };
}

async function call(client: Client, id: string, input: unknown): Promise<string> {
  return (await client.invoke(id, input)).body.invocationId;
}

async function fields({ client }: Stage): Promise<void> {
  const id = await client.deploy(MOODY);
  const { head } = (await client.get(`/api/v1/functions/${id}`)).body.function;
  const good = await call(client, id, { a: [1, null], b: { c: "é" } });
  const bad = await call(client, id, { fail: "no luck" });
  const { list, nextPageToken } = (await client.get(`/api/v1/functions/${id}/invocations`)).body;
  assert.equal(nextPageToken, "");
  const [failed, succeeded] = list;
  const { createdAt, updatedAt, startedAt, endedAt, phases, usage, traceId, ...rest } = succeeded;
  assert.deepEqual(rest, {
    id: good,
    functionId: id,
    commitId: head,
    status: `${PREFIX}SUCCESS`,
    processReuse: "PROCESS_REUSE_NONE",
    processKind: "PROCESS_KIND_ROOT",
    input: { a: [1, null], b: { c: "é" } },
    output: { returned: { a: [1, null], b: { c: "é" } } },
    limits: DEFAULT_LIMITS,
    principal: { id: (await client.get("/api/v1/auth/introspect")).body.principleId },
    trigger: { kind: "TRIGGER_KIND_API" },
    attempt: 1,
    maxAttempts: 1,
  });
  assert.match(traceId, /^[0-9a-f]{32}$/);
  assert.deepEqual([phases.length > 0, usage.egressBytes], [true, "0"]);
  assert.deepEqual([createdAt <= startedAt, endedAt], [true, updatedAt]);
  for (const time of [createdAt, startedAt, updatedAt]) assert.match(time, /^\d{4}-.*T.*\.\d{3}Z$/);
  assert.ok(createdAt <= updatedAt);
  assert.match(failed.error, /^UNCAUGHT: Error: no luck\n/);
  assert.deepEqual([failed.id, "output" in failed], [bad, false]);
  assert.deepEqual(await client.invocation(id, good), succeeded);
  assert.deepEqual(await client.invocation(id, bad), failed);
}

async function filters({ client }: Stage): Promise<void> {
  const id = await client.deploy(MOODY);
  const apple = await call(client, id, { fruit: "Apple 100%" });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const pear = await call(client, id, { fruit: "pear_tree", n: 100 });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const storm = await call(client, id, { fail: "storm\\end" });
  const found = async (filter: Search) => (await search(client, id, filter)).ids;
  assert.deepEqual(await found({}), [storm, pear, apple]);
  assert.deepEqual(await found({ status: `${PREFIX}SUCCESS` }), [pear, apple]);
  assert.deepEqual(await found({ status: `${PREFIX}ERROR` }), [storm]);
  assert.deepEqual(await found({ status: `${PREFIX}RUNNING` }), []);
  assert.deepEqual(await found({ status: `${PREFIX}UNSPECIFIED` }), await found({}));

  assert.deepEqual(await found({ query: "apple" }), [apple], "any case, in the input");
  assert.deepEqual(await found({ query: '"returned":' }), [pear, apple], "in the output");
  assert.deepEqual(await found({ query: "UNCAUGHT" }), [storm], "in the error");
  assert.deepEqual(await found({ query: "washed 9 let" }), [pear], "in its log");
  assert.deepEqual(await found({ query: "washed" }), [pear, apple], "in the logs");
  assert.deepEqual(await found({ query: pear }), [pear], "the id");
  assert.deepEqual(await found({ query: "100%" }), [apple], "no wildcard");
  assert.deepEqual(await found({ query: "pear_" }), [pear]);
  assert.deepEqual(await found({ query: "p_ar" }), []);
  assert.deepEqual(await found({ query: "storm\\" }), [storm]);
  assert.deepEqual(await found({ query: "'; drop table invocations; --" }), []);

  const { createdAt } = await client.invocation(id, pear);
  assert.deepEqual(await found({ since: createdAt }), [storm, pear], "since is inclusive");
  assert.deepEqual(await found({ until: createdAt }), [apple], "until is exclusive");
  const offset = new Date(Date.parse(createdAt) + 3_600_000).toISOString().replace("Z", "+01:00");
  assert.deepEqual(await found({ since: offset, status: `${PREFIX}SUCCESS` }), [pear]);
  assert.deepEqual(await found({ since: createdAt, until: createdAt }), []);

  const path = `/api/v1/functions/${id}/invocations/search`;
  const invalid = [{ status: "SUCCESS" }, { since: "yesterday" }, { until: 17 }, { query: {} }];
  for (const body of invalid) {
    const message = new RegExp(`^${Object.keys(body)[0]}: `);
    assertError(await client.post(path, body), "INVALID_FIELD", message);
  }
}

async function prefixes({ client }: Stage): Promise<void> {
  const id = await client.deploy(MOODY);
  const older = await call(client, id, { fail: "needle" });
  // An id of another second differs in its first characters.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const newer = await call(client, id, { fail: "needle" });
  const found = async (filter: Search) => (await search(client, id, filter)).ids;
  for (const one of [older, newer]) {
    for (const length of [10, 26, 27]) {
      const idPrefix = one.slice(0, length);
      assert.deepEqual(await found({ idPrefix }), [one], idPrefix);
      assert.deepEqual(await found({ idPrefix, query: "needle" }), [one], idPrefix);
      assert.deepEqual(
        await found({ idPrefix, status: `${PREFIX}ERROR`, until: "2100-01-01T00:00:00Z" }),
        [one],
      );
    }
  }
  assert.deepEqual(await found({ idPrefix: "" }), [newer, older]);
  assert.deepEqual(await found({ idPrefix: newer.slice(0, 2) }), [newer, older]);
  assert.deepEqual(await found({ idPrefix: newer, query: "nowhere" }), []);
  assert.deepEqual(
    await found({
      idPrefix: `${older.slice(0, 26)}~`.replace("~", older.endsWith("0") ? "1" : "0"),
    }),
    [],
  );
  const everywhere = `/api/v1/functions/-/invocations/search`;
  const { body } = await client.post(everywhere, { idPrefix: older.slice(0, 20) });
  assert.deepEqual(body.list.map((row: Json) => row.id), [older]);
  for (const idPrefix of ["%", "a'b", "x".repeat(28)]) {
    assertInvalid(await client.post(everywhere, { idPrefix }), "idPrefix");
  }
}

async function pages({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const expected: string[] = [];
  for (let n = 0; n < 12; n++) expected.unshift(await call(client, id, { n }));
  const path = `/api/v1/functions/${id}/invocations`;
  const first = (await client.get(`${path}?page_size=10`)).body;
  await call(client, id, { late: true });
  const second = (await client.get(`${path}?page_size=10&page_token=${first.nextPageToken}`)).body;
  assert.deepEqual([...first.list, ...second.list].map((row: Json) => row.id), expected);
  assert.deepEqual([first.list.length, second.nextPageToken], [10, ""]);

  const wrong = "INVALID_PAGE_TOKEN";
  const pageToken = first.nextPageToken;
  const filtered = { query: "n", pageToken };
  assertError(await client.post(`${path}/search`, filtered), wrong);
  const other = await client.deploy(ECHO);
  const elsewhere = `/api/v1/functions/${other}/invocations?page_token=${pageToken}`;
  assertError(await client.get(elsewhere), wrong);
  assertError(await client.get(`${path}?page_token=${pageToken}x`), wrong);
  assertError(await client.get(`${path}?page_token=tail`), wrong);
}

async function largeContents({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const expected: string[] = [];
  for (let n = 0; n < 7; n++) {
    // Input and output: 3 MB a row, and one row that alone is over what a page holds.
    const bytes = n === 3 ? PAGE_BYTES / 2 + 1000 : 1_500_000;
    expected.unshift(await call(client, id, { n, text: "x".repeat(bytes) }));
  }
  const { ids, pages } = await search(client, id, {}, 100);
  assert.deepEqual(ids, expected);
  assert.deepEqual(pages.map((page) => page.length), [2, 1, 1, 2, 1]);
  const list = (await client.get(`/api/v1/functions/${id}/invocations?page_size=100`)).body;
  assert.deepEqual(list.list.map((row: Json) => row.id), expected.slice(0, 2));
  assert.notEqual(list.nextPageToken, "");

  const rows = `/api/v1/functions/${id}/invocations`;
  const view = "INVOCATION_VIEW_BASIC";
  for (
    const { body } of [
      await client.get(`${rows}?page_size=100&view=${view}`),
      await client.post(`${rows}/search`, { view, pageSize: 100 }),
      await client.post("/api/v1/search/invocations", { view, functionIds: [id], pageSize: 100 }),
    ]
  ) {
    assert.deepEqual(body.list.map((row: Json) => row.id), expected, "in one page");
    assert.ok(JSON.stringify(body).length < 1_100 * expected.length);
  }
}

/** What only whole invocations have. */
const DETAILS = ["input", "output", "http", "attempts", "phases", "usage", "egress", "limits"];

async function views({ client }: Stage): Promise<void> {
  const id = await client.deploy(MOODY);
  const good = await call(client, id, { fruit: "é".repeat(400) });
  const bad = await call(client, id, { fail: "x".repeat(400) });
  const path = `/api/v1/functions/${id}/invocations`;
  const search = async (view: string) => {
    const answer = await client.post(`${path}/search`, { view });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body.list;
  };
  const whole = [await client.invocation(id, bad), await client.invocation(id, good)];
  for (const view of ["UNSPECIFIED", "FULL"]) {
    assert.deepEqual(await search(`INVOCATION_VIEW_${view}`), whole);
  }
  const [failed, fruity] = await search("INVOCATION_VIEW_BASIC");
  assert.equal(fruity.inputPreview, `{"fruit":"${"é".repeat(290)}`);
  assert.match(failed.error, /^UNCAUGHT: Error: x{283}$/);
  const { inputPreview: _, ...others } = fruity;
  const rest = Object.entries(whole[1] as Json).filter(([name]) => !DETAILS.includes(name));
  assert.deepEqual(others, Object.fromEntries(rest));
  const rejected = [
    await client.post(`${path}/search`, { view: "BASIC" }),
    await client.get(`${path}?view=BASIC`),
  ];
  for (const answer of rejected) {
    assertError(answer, "INVALID_FIELD", /^view: must be one of INVOCATION_VIEW_UNSPECIFIED, /);
  }
}

async function unknown({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const other = await client.deploy(ECHO);
  const invocationId = await call(client, id, {});
  const missing = "INVOCATION_NOT_FOUND";
  const of = (functionId: string, rest: string) =>
    `/api/v1/functions/${functionId}/invocations${rest}`;
  assertError(await client.get(of(other, `/${invocationId}`)), missing);
  assertError(await client.get(of(id, "/2")), missing);
  const nowhere = "FUNCTION_NOT_FOUND";
  assertError(await client.get(of("nothing", `/${invocationId}`)), nowhere);
  assertError(await client.get(of("nothing", "")), nowhere);
  assertError(await client.post(of("nothing", "/search")), nowhere);
  assert.deepEqual((await client.get(of(other, ""))).body, { list: [], nextPageToken: "" });
}

sharedSuite("the history of invocations", {
  "returns input, output and error": fields,
  "is searched by status, time and text": filters,
  "is searched by the start of an id": prefixes,
  "comes in pages that stay right while invocations are added": pages,
  "ends a page early when its contents are large, and loses no row": largeContents,
  "is read without contents in the basic view": views,
  "belongs to one function": unknown,
});
