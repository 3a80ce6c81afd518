/** Sessions of the console, and live changes, at any of several API nodes. */
import assert from "node:assert/strict";
import { Client } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { Watched } from "../support/watched.ts";
import type { ThreeNodes } from "./cluster.ts";

const FUNCTIONS = "/api/v1/functions";
const CODES = 10;

export async function sessionsAt(
  t: Deno.TestContext,
  { nodes: [first, second], client }: ThreeNodes,
): Promise<void> {
  const urls = [first.url, second.url];
  const signIn = (url: string, code: string) =>
    new Client(url, undefined).post("/auth/v1/session", { code }, {
      origin: url,
      "x-invoked-console": "1",
    });
  const newCode = async () =>
    new URL(ok(await client.post("/auth/v1/session_links", {})).url).hash.replace("#code=", "");
  const cookies: string[] = [];

  await t.step("begin once for a code that both get at the same time", async () => {
    for (let n = 0; n < CODES; n++) {
      const code = await newCode();
      const answers = await Promise.all(urls.map((url) => signIn(url, code)));
      const [begun, ...others] = answers.toSorted((a, b) => a.status - b.status);
      assert.deepEqual(others.map(({ status }) => status), [401]);
      ok(begun ?? assert.fail());
      cookies.push(begun?.headers.get("set-cookie")?.split(";")[0] ?? "");
    }
  });

  await t.step("work at both, and end at both", async () => {
    const cookie = cookies[0] ?? assert.fail();
    const nodes = urls.map((url) => new Client(url, undefined));
    for (const node of nodes) ok(await node.get(FUNCTIONS, { cookie }));
    const { id } = ok(await nodes[0]?.get("/auth/v1/session", { cookie }) ?? assert.fail());
    ok(await client.call("DELETE", `/auth/v1/sessions/${id}`));
    for (const node of nodes) {
      assertError(await node.get(FUNCTIONS, { cookie }), "SESSION_ENDED");
    }
  });

  await t.step("watch what changes at the other node", async () => {
    using watched = await Watched.start(second.url, { cookie: cookies[1] ?? assert.fail() });
    const { function: fn } = await client.createFunction("elsewhere");
    await watched.has("function", fn.id);
  });
}
