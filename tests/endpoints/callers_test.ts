/** Who may call an endpoint, and which credentials reach its function. */
import assert from "node:assert/strict";
import { unique } from "../triggers/support.ts";
import { standard } from "../triggers/signing.ts";
import { Client, type Json } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedServer } from "../support/shared_server.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { endpoint, partsOf } from "./echo.ts";
import { answerOf, raw } from "./support.ts";

/** A token of this server reaches no function, whatever the endpoint checks; other credentials do. */
async function withoutTokens({ client, server }: Stage, bearer: Json): Promise<void> {
  const open = await endpoint(client);
  const signed = await endpoint(client, { auth: "ENDPOINT_AUTH_SIGNATURE" });
  const own = (slug: string) => `${slug}.localhost`;
  const foreign = (await (await sharedServer("foreign")).client()).token ?? "";
  const cases: readonly (readonly [lines: readonly string[], isWithheld: boolean])[] = [
    [[`Bearer ${client.token}`], true],
    [[`bEARER   ${client.token}`], true],
    [[`DPoP ${client.token}`], true],
    [[`Token token="${client.token}"`], true],
    [["Basic YTpi", `Bearer ${client.token}`], true],
    [[`Bearer ${client.token}.`], true],
    [[`Bearer x.${client.token}`], true],
    [[`Bearer ${foreign}`], false],
    [["Basic YTpi"], false],
    [["Bearer an.opaque.token"], false],
  ];
  for (const { slug, path, webhookSecret } of [open, signed]) {
    for (const [host, target] of [["server.example", `${path}/`], [own(slug), "/"]] as const) {
      for (const [values, isWithheld] of cases) {
        const proof = webhookSecret === undefined ? {} : standard(webhookSecret, "");
        const lines = [
          ...values.map((value) => `Authorization: ${value}`),
          ...Object.entries(proof).map((pair) => pair.join(": ")),
        ];
        const request = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n`;
        const { body, status } = partsOf(
          await raw(server.url, `${request}${lines.join("\r\n")}\r\n\r\n`),
        );
        assert.equal(status, 200, JSON.stringify(body));
        const expected = isWithheld ? undefined : values.join(", ");
        assert.equal(body.headers["authorization"], expected, `${host} ${values}`);
      }
    }
  }
  // The token of a client that can no longer use it.
  const made = ok(
    await client.post("/api/v1/iam/personal_clients", {
      displayName: unique("gone"),
      scopedRoles: ["invoker"],
    }),
  );
  const gone = await Client.login(client.url, made.client.clientId, made.clientSecret);
  ok(await client.call("DELETE", `/api/v1/iam/personal_clients/${made.client.id}`, {}));
  const headers = { authorization: `Bearer ${gone.token}` };
  assert.equal((await fetch(`${client.url}${bearer.path}/`, { headers })).status, 401);
  const said = await (await fetch(`${client.url}${open.path}/`, { headers })).json();
  assert.equal(said.headers["authorization"], undefined);
}

async function callers(stage: Stage): Promise<void> {
  const { client } = stage;
  const bearer = await endpoint(client, { auth: "ENDPOINT_AUTH_BEARER" });
  const url = `${client.url}${bearer.path}/`;
  assertError(await answerOf(await fetch(url)), "TOKEN_MISSING");
  const authorization = `Bearer ${client.token}`;
  const said = await (await fetch(url, { headers: { authorization } })).json();
  assert.equal(said.headers["authorization"], undefined);
  assert.equal(said.trigger.id, bearer.trigger.id);

  await withoutTokens(stage, bearer);
  const signed = await endpoint(client, { auth: "ENDPOINT_AUTH_SIGNATURE" });
  const secret = signed.webhookSecret;
  const post = (body: string, headers: HeadersInit = {}) =>
    fetch(`${client.url}${signed.path}/hook`, { method: "POST", body, headers });
  const answered = await post("the body", standard(secret, "the body"));
  assert.equal((await answered.json()).body, "the body");
  assertError(await answerOf(await post("a body")), "WEBHOOK_NOT_PROVED");
  const changed = await post("changed", standard(secret, "the body"));
  assertError(await answerOf(changed), "WEBHOOK_NOT_PROVED");
  const at = Math.floor(Date.now() / 1000) - 3600;
  const old = await post("the body", standard(secret, "the body", { at }));
  assertError(await answerOf(old), "WEBHOOK_INVALID");
  const large = "x".repeat(2 * 1024 * 1024);
  const tooLarge = await post(large, standard(secret, large));
  assert.equal(tooLarge.status, 413);
  await tooLarge.body?.cancel();
}

sharedSuite("callers of endpoints", {
  "are open, for holders of tokens, or for who signs": callers,
}, "limited");
