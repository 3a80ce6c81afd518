/** Signing keys and DPoP proofs with several API nodes on one database, which has a worker. */
import assert from "node:assert/strict";
import { decodeProtectedHeader } from "jose";
import { endpoint } from "../endpoints/echo.ts";
import { boundToken, newProofs } from "../identity/proofs.ts";
import { Client, type Json } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import type { ThreeNodes } from "./cluster.ts";

const FUNCTIONS = "/api/v1/functions";
const ROTATE = "/api/v1/signing_keys/rotate";
const FORGED = 200;
const ROUNDS = 10;

export async function signingKeysAt(
  t: Deno.TestContext,
  { nodes: [first, second, third] }: ThreeNodes,
): Promise<void> {
  const urls = [first.url, second.url, third.url];
  const signIn = (url: string) => first.client(url);
  const atAll = (token: string | undefined) =>
    Promise.all(urls.map((url) => new Client(url, token).get(FUNCTIONS)));
  const kidOf = ({ token = "" }: Client) => decodeProtectedHeader(token).kid;
  const former = await signIn(first.url);

  await t.step(
    "a token of a new key is valid at every node, and so are earlier tokens",
    async () => {
      const { list: [made] } = ok(await former.post(ROTATE, { signsAfter: "0s" }));
      const after = await signIn(first.url);
      assert.equal(kidOf(after), made.id);
      // Forged tokens at the same time must not keep the nodes from learning the key.
      const [header = "", ...rest] = (after.token ?? "").split(".");
      const forge = (n: number) => {
        const forged = JSON.parse(atob(header));
        const kid = String(n).padStart(27, "0");
        return [btoa(JSON.stringify({ ...forged, kid })).replace(/=+$/, ""), ...rest].join(".");
      };
      const forged = Array.from(
        { length: FORGED },
        (_, n) => new Client(urls[n % urls.length] ?? "", forge(n)).get(FUNCTIONS),
      );
      for (const answer of await atAll(after.token)) {
        ok(answer);
      }
      for (const answer of await atAll(former.token)) ok(answer);
      for (const answer of await Promise.all(forged)) {
        assertError(answer, "TOKEN_INVALID");
      }
      for (const url of urls) assert.equal(kidOf(await signIn(url)), made.id);
    },
  );

  await t.step(
    "a node withholds a token from functions whose key another node just made",
    async () => {
      const { path } = await endpoint(await signIn(third.url));
      ok(await former.post(ROTATE, { signsAfter: "0s" }));
      const { token } = await signIn(first.url);
      const headers = { authorization: `Token ${token}` };
      const said = await (await fetch(`${third.url}${path}/`, { headers })).json();
      assert.equal(said.headers["authorization"], undefined);
    },
  );

  await t.step("a DPoP proof works once at all nodes together", async () => {
    const proofs = await newProofs();
    const token = await boundToken(second.url, await first.credentials(), proofs);
    const authorization = `DPoP ${token}`;
    for (let round = 0; round < ROUNDS; round++) {
      const dpop = await proofs.prove("GET", `${first.url}${FUNCTIONS}`, token);
      const answers = await Promise.all(
        urls.map((url) => new Client(url, undefined).get(FUNCTIONS, { authorization, dpop })),
      );
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 401, 401]);
    }
  });

  await t.step("after revokeOld at one node, no node accepts an earlier token", async () => {
    const earlier = await Promise.all(urls.map(signIn));
    ok(await (earlier[1] ?? assert.fail()).post(ROTATE, { revokeOld: true }));
    for (const { token } of [former, ...earlier]) {
      for (const answer of await atAll(token)) {
        assertError(answer, "TOKEN_INVALID");
      }
    }
    for (const url of urls) {
      const { token } = await signIn(url);
      for (const answer of await atAll(token)) ok(answer);
    }
  });

  await t.step("rotations at all nodes at the same time keep every key", async () => {
    const clients = await Promise.all(urls.map(signIn));
    const answers = await Promise.all(
      clients.map((client) => client.post(ROTATE, { signsAfter: "0s" })),
    );
    // A node reads the keys after its rotation, and so perhaps after that of another node.
    const lists = answers.map((answer) => ok(answer).list.map(({ id }: Json): string => id));
    const all = new Set(lists.flat());
    assert.equal(all.size, 4);
    assert.equal(Math.max(...lists.map((ids) => ids.length)), all.size, JSON.stringify(lists));
    for (const { token } of clients) for (const answer of await atAll(token)) ok(answer);
    const tokens = await Promise.all(urls.map(signIn));
    assert.equal(new Set(tokens.map(kidOf)).size, 1);
  });
}
