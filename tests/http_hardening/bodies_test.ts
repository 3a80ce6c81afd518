/** Bodies take bounded memory: unread ones end their connection, and large ones share a budget. */
import assert from "node:assert/strict";
import { BodyBudget } from "../../src/http/body.ts";
import { eventually } from "../support/eventually.ts";
import { TestServer } from "../support/server.ts";
import { exchange, statuses } from "./raw.ts";

const PART = "x".repeat(50_000);

function head(path: string, bytes: number, token = "wrong"): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`;
}

Deno.test("bodies take bounded memory", async (t) => {
  await using server = await TestServer.start({ flags: ["--max-receiving", "12MiB"] });
  const client = await server.client();
  const token = client.token ?? "";

  const rejected: Readonly<Record<string, readonly [number, string]>> = {
    "without a token": [401, head("/api/v1/functions", 12_000_000)],
    "over the limit": [400, head("/api/v1/functions", 13_000_000, token)],
    "of a token request over its limit": [400, head("/auth/v1/token", 100_000)],
    "to a wrong upload URL": [403, head("/file/x", 500_000).replace("POST", "PUT")],
    "to an unknown path": [404, head("/nowhere", 500_000)],
  };
  for (const [name, [status, request]] of Object.entries(rejected)) {
    await t.step(`a body ${name} is not read, and its connection is closed`, async () => {
      const { text, closed } = await exchange(server.url, [request, PART]);
      assert.deepEqual(statuses(text), [status], text);
      assert.match(text, /\r\nconnection: close\r\n/i);
      assert.ok(closed);
    });
  }

  await t.step("the rejection of a whole request keeps the connection", async () => {
    const { text } = await exchange(
      server.url,
      [`${head("/api/v1/functions", 2)}{}`, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"],
      /"status":"ok"|ok/,
    );
    assert.doesNotMatch(text, /connection: close/i);
  });

  await t.step(
    "a body waits for others, and is rejected after a time; a small one passes",
    async () => {
      const { hostname, port } = new URL(server.url);
      const greedy = await Deno.connect({ hostname, port: Number(port) });
      await greedy.write(
        new TextEncoder().encode(head("/api/v1/functions", 12_000_000, token) + PART),
      );
      const large = { displayName: "x", description: "y".repeat(1_000_000) };
      // The greedy one may arrive later than the first.
      const rejected = await eventually(async () => {
        const answer = await client.post("/api/v1/functions", large);
        return answer.status === 429 ? answer : undefined;
      });
      assert.equal(rejected.body.details[0].reason, "RECEIVING_TOO_MUCH");
      assert.match(rejected.body.message, /limit of 12 MiB \(--max-receiving\) for 5 s/);
      assert.equal(rejected.headers.get("retry-after"), "1");
      assert.equal((await client.post("/api/v1/functions", { displayName: "x" })).status, 200);

      const waiting = client.post("/api/v1/functions", large);
      greedy.close();
      // On a busy machine it may be rejected before the server notices the end of the other.
      if ((await waiting).status === 429) {
        assert.notEqual((await client.post("/api/v1/functions", large)).status, 429);
      }
    },
  );
});

Deno.test("the budget grants in order, and what was given up does not count", async () => {
  const budget = new BodyBudget(10, 60_000);
  const order: string[] = [];
  const first = await budget.take(8);
  const takes = ([["a", 8], ["b", 1]] as const).map(async ([name, bytes]) => {
    using _taken = await budget.take(bytes);
    order.push(name);
  });
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await Promise.all(takes);
  assert.deepEqual(order, ["a", "b"]);
  using _all = await budget.take(10);
  const hasty = new BodyBudget(10, 1);
  using _full = await hasty.take(10);
  await assert.rejects(hasty.take(1), /--max-receiving/);
});
