/**
 * The requests of C1's SDKs through haproxy, in their order and their forms: each request of a flow reaches another API node
 * than the request before.
 */
import assert from "node:assert/strict";
import { importJWK, type JWK, SignJWT } from "jose";
import { Balancer } from "../faults/cluster/balancer.ts";
import { base64, Client, type Json, unbase64 } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import type { ThreeNodes } from "./cluster.ts";

const FUNCTIONS = "/api/v1/functions";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const MAIN = `import { double } from "./double.ts";
export default ({ n }: { n: number }) => ({ n: double(n) });`;
const DOUBLE = "export const double = (n: number) => 2 * n;";
const INVOCATIONS = 6;

interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A client with a token that C1's SDKs get by a signed assertion. */
async function sdkClient(url: string, { clientId, clientSecret }: Credentials): Promise<Client> {
  const encoded = clientSecret.split(":").at(-1) ?? "";
  const key = Uint8Array.fromBase64(encoded, { alphabet: "base64url" });
  const [, host = ""] = /@([^/:]+)/.exec(clientId) ?? [];
  const assertion = await new SignJWT()
    .setProtectedHeader({ alg: "EdDSA", nonce: crypto.randomUUID().replaceAll("-", "") })
    .setIssuer(clientId).setSubject(clientId).setAudience([host])
    .setIssuedAt().setNotBefore("120 s ago").setExpirationTime("120 s")
    .sign(await importJWK(JSON.parse(new TextDecoder().decode(key)) as JWK, "EdDSA"));
  const { access_token: token } = ok(
    await new Client(url, undefined).form("/auth/v1/token", {
      client_id: clientId,
      grant_type: "client_credentials",
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: assertion,
    }),
  );
  return new Client(url, token);
}

/** C1's SDKs create, publish, invoke and read a function through haproxy. Stops the second and the third node. */
export async function balancedAt(
  t: Deno.TestContext,
  { nodes: [first, ...others] }: ThreeNodes,
): Promise<void> {
  await using balancer = await Balancer.start(
    others.map(({ url }) => Number(new URL(url).port)),
  );
  const client = await sdkClient(balancer.url, await first.credentials());
  let fn: Json;
  let commitId = "";

  await t.step("a token of one node, and a function and a commit of any", async () => {
    fn = ok(await client.post(FUNCTIONS, { displayName: "doubles" })).function;
    const files = { "main.ts": MAIN, "double.ts": DOUBLE };
    commitId = ok(await client.commit(fn.id, files, "Double")).commit.id;
    ok(
      await client.post(`${FUNCTIONS}/update`, {
        function: { id: fn.id, publishedCommitId: commitId },
        updateMask: "publishedCommitId",
      }),
    );
    assert.equal(
      ok(await client.get(`${FUNCTIONS}/${fn.id}`)).function.publishedCommitId,
      commitId,
    );
  });
  await t.step("invocations, and their records", async () => {
    for (let n = 0; n < INVOCATIONS; n++) {
      const answer = ok(
        await client.post(`${FUNCTIONS}/${fn.id}/invoke`, { json: base64(JSON.stringify({ n })) }),
      );
      assert.deepEqual(JSON.parse(unbase64(answer.json)), { n: 2 * n });
      const { invocation } = ok(
        await client.get(`${FUNCTIONS}/${fn.id}/invocations/${answer.invocationId}`),
      );
      assert.equal(invocation.commitId, commitId);
    }
    const { list } = ok(await client.get(`${FUNCTIONS}/${fn.id}/invocations?page_size=10`));
    assert.equal(list.length, INVOCATIONS);
  });
  await t.step("both nodes have taken requests", async () => {
    await Promise.all(others.map(async (node) => {
      await node.stop();
      // Requests for this function went through the balancer alone.
      assert.ok((await node.log).includes(`${FUNCTIONS}/${fn.id}`), node.url);
    }));
  });
}
