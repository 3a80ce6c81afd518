import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok } from "../support/expect.ts";
import { serverSuite } from "../support/suite.ts";

type Page = (size: unknown, token?: string) => Promise<Json>;

function listed(client: Client): Page {
  return (size, token = "") => {
    const query = new URLSearchParams({ page_token: token });
    if (size !== undefined) query.set("page_size", String(size));
    return client.get(`/api/v1/functions?${query}`);
  };
}

function searched(client: Client, filter: Json = {}): Page {
  return (pageSize, pageToken) =>
    client.post("/api/v1/search/functions", { ...filter, pageSize, pageToken });
}

/** The names on every page, and how many each page held. */
async function walk(page: Page, size: unknown): Promise<{ names: string[]; sizes: number[] }> {
  const names: string[] = [];
  const sizes: number[] = [];
  let token = "";
  do {
    const { list, nextPageToken, ...rest } = ok(await page(size, token));
    assert.deepEqual(rest, {});
    names.push(...list.map(({ displayName }: Json) => displayName));
    sizes.push(list.length);
    token = nextPageToken;
  } while (token !== "");
  return { names, sizes };
}

async function create(client: Client, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await client.createFunction(`f${n}`);
}

serverSuite("paging", {}, {
  "page sizes: 25 by default, at least 10, at most 100": async ({ client }) => {
    await create(client, 0, 120);
    const sizes: [unknown, number[]][] = [
      [undefined, [25, 25, 25, 25, 21]],
      [0, [25, 25, 25, 25, 21]],
      [1, [...Array(12).fill(10), 1]],
      [-5, [...Array(12).fill(10), 1]],
      [60, [60, 60, 1]],
      ["60", [60, 60, 1]],
      [121, [100, 21]],
      [2 ** 31 - 1, [100, 21]],
    ];
    const names = Array.from({ length: 120 }, (_, n) => `f${119 - n}`).concat("hello");
    for (const page of [listed(client), searched(client)]) {
      for (const [size, expected] of sizes) {
        assert.deepEqual(await walk(page, size), { names, sizes: expected });
      }
    }
  },

  "a page size that is no 32-bit integer is rejected": async ({ client }) => {
    for (const size of ["x", "1.5", "", "99999999999", "1e2"]) {
      assertInvalid(await client.get(`/api/v1/functions?page_size=${size}`), "page_size");
    }
    for (const pageSize of ["x", 1.5, true, [10], 2 ** 31]) {
      assertInvalid(await client.post("/api/v1/search/functions", { pageSize }), "pageSize");
    }
  },

  "a full last page is the last": async ({ client }) => {
    const page = searched(client, { query: "f1" }); // f1, f10..f19, f100..f119
    const { sizes } = await walk(page, 31);
    assert.deepEqual(sizes, [31]);
  },

  "camelCase is accepted in a query as well": async ({ client }) => {
    const { list, nextPageToken } = ok(await client.get("/api/v1/functions?pageSize=10"));
    assert.equal(list.length, 10);
    const next = ok(await client.get(`/api/v1/functions?pageSize=10&pageToken=${nextPageToken}`));
    assert.equal(next.list[0].displayName, "f109");
  },

  "rows that come and go between pages neither repeat nor hide others": async ({ client }) => {
    for (const page of [listed(client), searched(client)]) {
      const { names } = await walk(page, 100);
      const first = ok(await page(10));
      // One comes; the newest, the last of this page, and the first of the next go.
      await client.createFunction("comes");
      for (const { id } of [first.list[0], first.list[9]]) {
        ok(await client.call("DELETE", `/api/v1/functions/${id}`));
      }
      const second = ok(await page(10, first.nextPageToken));
      ok(await client.call("DELETE", `/api/v1/functions/${second.list[0].id}`));
      const third = ok(await page(10, second.nextPageToken));
      const seen = [first, second, third].flatMap(({ list }) => list);
      assert.deepEqual(seen.map(({ displayName }) => displayName), names.slice(0, 30));
      const again = ok(await page(10, first.nextPageToken));
      assert.deepEqual(again.list, [...second.list.slice(1), third.list[0]]);
    }
  },

  "tokens count for the list and filter that issued them": async ({ client }) => {
    await create(client, 0, 12);
    const { function: one } = await client.createFunction("one", { "main.ts": MAIN });
    const { function: two } = await client.createFunction("two", { "main.ts": MAIN });
    const content = { "main.ts": btoa(MAIN) };
    for (let n = 0; n < 10; n++) {
      for (const { id } of [one, two]) {
        ok(await client.post("/api/v1/functions/update", { function: { id }, content }));
      }
    }
    const commits = (id: string): Page => (_, token = "") =>
      client.get(`/api/v1/functions/${id}/commits?page_size=10&page_token=${token}`);
    const pages: Page[] = [
      listed(client),
      searched(client, { query: "f" }),
      searched(client, { functionTypes: ["FUNCTION_TYPE_ANY"] }),
      commits(one.id),
      commits(two.id),
    ];
    for (const [i, page] of pages.entries()) {
      const { nextPageToken } = ok(await page(10));
      assert.notEqual(nextPageToken, "");
      for (const [j, other] of pages.entries()) {
        const answer = await other(10, nextPageToken);
        if (i === j) ok(answer);
        else assertError(answer, "INVALID_PAGE_TOKEN", { fields: ["pageToken"] });
      }
    }
  },

  "tokens that were changed or made up are rejected": async ({ client }) => {
    const { nextPageToken: token } = ok(await listed(client)(10));
    const [payload = "", signature = ""] = token.split(".");
    const other = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    const forged = btoa(JSON.stringify({ ...other, after: "z".repeat(27) })).replace(/=+$/, "");
    const tokens = ["x", "1", payload, `${payload}.`, `${forged}.${signature}`, `${token}x`];
    tokens.push(`${token}.x`, token.slice(1), token.toUpperCase(), "\u0000", "ä.ö");
    for (const bad of tokens) {
      for (const page of [listed(client), searched(client)]) {
        assertError(await page(10, bad), "INVALID_PAGE_TOKEN");
      }
    }
    assertInvalid(await client.post("/api/v1/search/functions", { pageToken: 1 }), "pageToken");
  },
});
