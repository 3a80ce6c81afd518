/** Access tokens that are bound to a key (RFC 9449): every proof that is rejected, and every downgrade. */
import assert from "node:assert/strict";
import { decodeJwt, exportJWK, generateKeyPair } from "jose";
import { events } from "../audit/support.ts";
import { endpoint, partsOf } from "../endpoints/echo.ts";
import { preview, raw } from "../endpoints/support.ts";
import { Client } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { runInvoked } from "../support/invoked.ts";
import { unique } from "../triggers/support.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { makeCredential, ownId } from "./principals.ts";
import {
  athOf,
  boundToken,
  newAddress,
  newProofs,
  type Proofs,
  requestToken,
  type Spoilt,
} from "./proofs.ts";

const INTROSPECT = "/api/v1/auth/introspect";
const TOKEN = "/auth/v1/token";
const now = () => Math.floor(Date.now() / 1000);

const ECHO_HEADERS = `export default {
  fetch: ({ headers }) =>
    Response.json({ seen: ["authorization", "dpop"].filter((name) => headers.has(name)) }),
};`;

const proofs = await newProofs();
const other = await newProofs();

/** Sends a request with a token and a proof. */
async function send(
  client: Client,
  token: string,
  proof: string | undefined,
  path = INTROSPECT,
  scheme = "DPoP",
  address = newAddress(),
) {
  return await new Client(client.url, undefined).get(path, {
    authorization: `${scheme} ${token}`,
    "x-forwarded-for": address,
    ...proof === undefined ? {} : { dpop: proof },
  });
}

/** The codes of the rejections of this file that are on record, by the details. */
async function recorded(client: Client): Promise<ReadonlyMap<string, string>> {
  return new Map(
    (await events(client)).map(({ status_code: code, status_detail: detail }) => [detail, code]),
  );
}

/** A credential that requires DPoP, of a principal that may read. */
async function strictCredentials({ client }: Stage) {
  const { servicePrincipal: { id } } = ok(
    await client.post("/api/v1/service_principals", { displayName: unique("bound") }),
  );
  ok(await client.post(`/api/v1/service_principals/${id}/roles`, { roleIds: ["system:viewer"] }));
  const { credential, clientSecret } = ok(
    await client.post(`/api/v1/service_principals/${id}/credentials`, {
      displayName: "bound",
      requireDpop: true,
      expires: "3600s",
    }),
  );
  assert.equal(credential.requireDpop, true);
  return { clientId: String(credential.clientId), clientSecret: String(clientSecret) };
}

/** Proofs that are wrong for whatever request they are beside. */
async function wrongProofs(url: string, token?: string): Promise<Record<string, [string, RegExp]>> {
  const method = token === undefined ? "POST" : "GET";
  const prove = (spoilt: Spoilt, by: Proofs = proofs) => by.prove(method, url, token, spoilt);
  const claim = (claims: Readonly<Record<string, unknown>>) => prove({ claims });
  const secret = await exportJWK(proofs.privateKey);
  const { privateKey: foreignKey } = await generateKeyPair("ES256");
  const rsa = await newProofs("RS256", { modulusLength: 2048 });
  const good = await prove({});
  const [head = "", payload = "", signature = ""] = good.split(".");
  const unsigned = btoa(JSON.stringify({ alg: "none", typ: "dpop+jwt", jwk: proofs.jwk }));
  return {
    "no JWT": ["garbage", /Invalid Compact JWS|invalid/i],
    "two proofs": [`${good}, ${await prove({})}`, /invalid/i],
    "too large": [await claim({ more: "x".repeat(5000) }), /and at most 4096 are allowed/],
    "alg none": [`${unsigned.replace(/=+$/, "")}.${payload}.`, /alg/i],
    "changed claims": [
      `${head}.${btoa('{"jti":"1"}').replace(/=+$/, "")}.${signature}`,
      /signature/,
    ],
    "another typ": [await prove({ header: { typ: "JWT" } }), /typ/],
    "no typ": [await prove({ header: { typ: undefined } }), /typ/],
    "no key": [await prove({ header: { jwk: undefined } }), /its header has no jwk/],
    "a private key": [await prove({ header: { jwk: secret } }), /jwk has the private part d/],
    "a symmetric key": [
      await prove({ header: { jwk: { kty: "oct", k: "AAAA" } } }),
      /jwk has the private part k/,
    ],
    "a signature of another key": [await prove({ key: foreignKey }), /signature/],
    "a long exponent": [
      await prove({ header: { jwk: { ...rsa.jwk, e: "AQABAQAB" } } }, rsa),
      /exponent 65537/,
    ],
    "a huge RSA key": [
      await prove({ header: { jwk: { ...rsa.jwk, n: "_".repeat(700) } } }, rsa),
      /at most 4096 bits/,
    ],
    "a small RSA key": [
      await prove({ header: { jwk: { ...rsa.jwk, n: "_".repeat(171) } } }, rsa),
      /2048 bits or larger/,
    ],
    "a point off the curve": [
      await prove({ header: { jwk: { ...proofs.jwk, x: other.jwk.x } } }),
      /./,
    ],
    "an old proof": [await claim({ iat: now() - 120 }), /iat is \d+ seconds ago, and at most 60/],
    "a proof of the future": [await claim({ iat: now() + 60 }), /iat is \d+ seconds ahead/],
    "a time that is no number": [await claim({ iat: "now" }), /iat/],
    "no time": [await claim({ iat: undefined }), /iat/],
    "no jti": [await claim({ jti: undefined }), /jti/],
    "an empty jti": [await claim({ jti: "" }), /jti must be a text of 1 to 256/],
    "a long jti": [await claim({ jti: "j".repeat(257) }), /jti must be a text of 1 to 256/],
    "another method": [await claim({ htm: "DELETE" }), /htm must be/],
    "a method in lower case": [await claim({ htm: method.toLowerCase() }), /htm must be/],
    "another path": [await claim({ htu: `${url}/x` }), /htu must have the path/],
    "another host": [
      await claim({ htu: url.replace(/127\.0\.0\.1:\d+/, "evil.example") }),
      /htu must be the URL of the request at the server's own address/,
    ],
    "no URL": [await claim({ htu: new URL(url).pathname }), /htu must be the URL/],
    "an htu that is no text": [await claim({ htu: 1 }), /htu must be the URL .* it is not a text/],
  };
}

sharedSuite("DPoP", {
  "binds a token to the key of the proof of its request": async ({ server, client }) => {
    const credentials = await server.credentials();
    const proof = await proofs.prove("POST", `${client.url}${TOKEN}`);
    const { token_type: type, access_token: token } = ok(
      await requestToken(client.url, credentials, proof),
    );
    assert.equal(type, "DPoP");
    assert.match((decodeJwt(token)["cnf"] as { jkt: string }).jkt, /^[\w-]{43}$/);
    const answer = await send(
      client,
      token,
      await proofs.prove("GET", client.url + INTROSPECT, token),
    );
    ok(answer);
  },

  "takes proofs of every algorithm of its metadata": async ({ server, client }) => {
    const credentials = await server.credentials();
    const { dpop_signing_alg_values_supported: algorithms } = ok(
      await client.get("/.well-known/oauth-authorization-server"),
    );
    for (const alg of algorithms) {
      const by = await newProofs(alg);
      const token = await boundToken(client.url, credentials, by);
      ok(await send(client, token, await by.prove("GET", client.url + INTROSPECT, token)));
    }
    for (const alg of ["ES512", "PS512"]) {
      const proof = await (await newProofs(alg)).prove("POST", `${client.url}${TOKEN}`);
      const { status, body } = await requestToken(client.url, credentials, proof);
      assert.deepEqual([status, body.error], [400, "invalid_dpop_proof"], alg);
    }
  },

  "takes the URL in every form of the same address, without its query": async (
    { server, client },
  ) => {
    const token = await boundToken(client.url, await server.credentials(), proofs);
    const path = "/api/v1/functions/a%2fb~/commits";
    const forms = [`${path}`, "/api/v1/functions/a%2Fb%7E/commits", `${path}?x=1#y`];
    const origins = [client.url, client.url.replace("127.0.0.1", "LOCALHOST")];
    for (const form of forms) {
      for (const origin of origins) {
        const proof = await proofs.prove("GET", origin + form, token);
        assertError(await send(client, token, proof, `${path}?page_size=1`), "FUNCTION_NOT_FOUND");
      }
    }
  },

  "rejects every other proof beside a token": async (stage) => {
    const { client } = stage;
    const url = client.url + INTROSPECT;
    const rejected: [message: string, code: string][] = [];
    // The audit log records only some rejections of one principal.
    const sets = await Promise.all([0, 1].map(async () => {
      const token = await boundToken(client.url, await strictCredentials(stage), proofs);
      const wrong = Object.entries({
        ...await wrongProofs(url, token),
        "another token": [
          await proofs.prove("GET", url, token, { claims: { ath: athOf(`${token}x`) } }),
          /ath must be/,
        ] as const,
        "no hash of the token": [await proofs.prove("GET", url), /ath must be/] as const,
      });
      return wrong.map(([name, [proof, message]]) => ({ token, name, proof, message }));
    }));
    const names = sets[0]?.length ?? 0;
    for (let at = 0; at < names; at++) {
      const { token, name, proof, message } = sets[at % 2]?.[at] ?? assert.fail();
      const answer = await send(client, token, proof);
      assert.equal(answer.status, 401, name);
      assertError(answer, "PROOF_INVALID", message);
      const challenge = answer.headers.get("www-authenticate") ?? "";
      assert.match(challenge, /^DPoP algs="ES256 [^"]+", error="invalid_dpop_proof", error_descr/);
      rejected.push([answer.body.message, "PROOF_INVALID"]);
    }
    const codes = await recorded(client);
    for (const [message, code] of rejected) assert.equal(codes.get(message), code, message);
    for (const [first] of sets) {
      const { token } = first ?? assert.fail();
      ok(await send(client, token, await proofs.prove("GET", url, token)));
    }
  },

  "rejects every other proof of a token request, and issues nothing": async (
    { server, client },
  ) => {
    const credentials = await server.credentials();
    for (const [name, [proof, message]] of Object.entries(await wrongProofs(client.url + TOKEN))) {
      const { status, body } = await requestToken(client.url, credentials, proof);
      assert.deepEqual([status, body.error], [400, "invalid_dpop_proof"], name);
      assert.match(body.error_description, message, name);
      assert.equal(body.access_token, undefined);
    }
  },

  "takes each proof once": async (stage) => {
    const { client } = stage;
    const credentials = await strictCredentials(stage);
    const first = await proofs.prove("POST", client.url + TOKEN);
    const token = ok(await requestToken(client.url, credentials, first)).access_token;
    const again = await requestToken(client.url, credentials, first);
    assert.deepEqual([again.status, again.body.error], [400, "invalid_dpop_proof"]);
    assert.match(again.body.error_description, /it was used before/);
    const replay = (await recorded(client)).get(again.body.error_description);
    assert.equal(replay, "invalid_dpop_proof");
    const jti = crypto.randomUUID();
    const url = client.url + INTROSPECT;
    const proof = await proofs.prove("GET", url, token, { claims: { jti } });
    const same = await proofs.prove("GET", url, token, { claims: { jti, iat: now() - 1 } });
    const answers = await Promise.all(
      [proof, proof, same, proof].map((sent) => send(client, token, sent)),
    );
    assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 401, 401, 401]);
    for (const answer of answers.filter(({ status }) => status === 401)) {
      assertError(answer, "PROOF_INVALID", /it was used before/);
    }
    // Another key may have the same jti.
    const theirs = await boundToken(client.url, credentials, other);
    ok(await send(client, theirs, await other.prove("GET", url, theirs, { claims: { jti } })));
  },

  "takes neither a bound token as a bearer token, nor the reverse": async (stage) => {
    const { client } = stage;
    const token = await boundToken(client.url, await strictCredentials(stage), proofs);
    const url = client.url + INTROSPECT;
    const prove = (by: Proofs, text = token) => by.prove("GET", url, text);
    for (const proof of [undefined, await prove(proofs)]) {
      const answer = await send(client, token, proof, INTROSPECT, "Bearer");
      assertError(answer, "PROOF_MISSING", /it is bound to a key/);
      assert.match(
        answer.headers.get("www-authenticate") ?? "",
        /^DPoP algs="[^"]+", error="invalid_token", /,
      );
    }
    assertError(await send(client, token, undefined), "PROOF_INVALID", /has no header DPoP/);
    const foreign = await send(client, token, await prove(other));
    assertError(foreign, "TOKEN_INVALID", /bound to another key/);
    const bearer = client.token ?? "";
    const answer = await send(client, bearer, await prove(proofs, bearer));
    assertError(answer, "TOKEN_INVALID", /is bound to no key/);
    assert.match(answer.headers.get("www-authenticate") ?? "", /^DPoP algs=/);
    const { clientSecret: key } = await makeCredential(client, await ownId(client), {
      kind: "CREDENTIAL_KIND_API_KEY",
    });
    const asBound = await send(client, key, await prove(proofs, key));
    assertError(asBound, "TOKEN_INVALID", /is bound to no key/);
    // A header of a proxy that signs its own requests.
    ok(await send(client, bearer, await prove(proofs, bearer), INTROSPECT, "Bearer"));
    const codes = await recorded(client);
    for (const { body } of [foreign, answer]) {
      assert.equal(codes.get(body.message), "TOKEN_INVALID");
    }
    const [downgrade] = [...codes].find(([detail]) => /it is bound to a key/.test(detail)) ?? [];
    assert.equal(codes.get(downgrade ?? ""), "PROOF_MISSING");
  },

  "a credential that requires DPoP gets no other token": async (stage) => {
    const { client } = stage;
    const credentials = await strictCredentials(stage);
    const { status, body } = await requestToken(client.url, credentials);
    assert.deepEqual([status, body.error], [400, "invalid_dpop_proof"]);
    assert.match(body.error_description, /this credential requires DPoP/);
    const token = await boundToken(client.url, credentials, proofs);
    ok(await send(client, token, await proofs.prove("GET", client.url + INTROSPECT, token)));
  },

  "the command line sends proofs where its credential requires DPoP": async (stage) => {
    const { client } = stage;
    const { clientId, clientSecret } = await strictCredentials(stage);
    const env = {
      INVOKED_SERVER_URL: client.url,
      INVOKED_CLIENT_ID: clientId,
      INVOKED_CLIENT_SECRET: clientSecret,
    };
    const whoami = await runInvoked(["whoami", "--json"], { env });
    assert.equal(JSON.parse(whoami.stdout).clientId, clientId);
    const list = await runInvoked(["list", "--json"], { env });
    assert.equal(list.code, 0, list.stderr);
    const { code, stdout, stderr } = await runInvoked(["token"], { env });
    assert.deepEqual([code, stdout], [4, ""]);
    assert.match(stderr, /No access token to print: the credential requires DPoP/);
  },

  "endpoints and previews take bound tokens, and their functions see neither": async (
    { server, client },
  ) => {
    const token = await boundToken(client.url, await server.credentials(), proofs);
    const { path, slug } = await endpoint(client, { auth: "ENDPOINT_AUTH_BEARER" });
    const say = async (host: string, target: string, dpop: string) => {
      const head = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n`;
      return await raw(server.url, `${head}Authorization: DPoP ${token}\r\nDPoP: ${dpop}\r\n\r\n`);
    };
    const own = `${slug}.localhost`;
    for (const [host, target] of [["127.0.0.1", `${path}/a`], [own, "/a"]] as const) {
      const url = host === own ? `http://${own}${target}` : client.url + target;
      const said = await say(host, `${target}?b`, await proofs.prove("GET", url, token));
      const { status, body } = partsOf(said);
      assert.equal(status, 200, said);
      assert.equal(body.headers["authorization"], undefined);
      assert.equal(body.headers["dpop"], undefined);
      for (const elsewhere of [`${client.url}/run/other/a`, `http://other.localhost${target}`]) {
        const answer = await say(host, target, await proofs.prove("GET", elsewhere, token));
        assert.match(answer, /^HTTP\/1.1 401 /, `${host} ${elsewhere}`);
      }
    }
    const commit = await preview(client, ECHO_HEADERS);
    const url = `${client.url}${commit.path}/`;
    const dpop = await proofs.prove("GET", url, token);
    const said = await fetch(url, { headers: { authorization: `DPoP ${token}`, dpop } });
    assert.deepEqual(await said.json(), { seen: [] });
  },

  "a stream goes on, although its proof works once": async ({ server, client }) => {
    const token = await boundToken(client.url, await server.credentials(), proofs);
    const url = `${client.url}/api/v1/events`;
    const proof = await proofs.prove("GET", url, token);
    const stream = await fetch(url, { headers: { authorization: `DPoP ${token}`, dpop: proof } });
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    const { function: fn } = await client.createFunction("seen");
    let text = "";
    while (!text.includes(fn.id)) {
      const { done, value } = await reader?.read() ?? { done: true, value: "" };
      assert.ok(!done, text);
      text += value;
    }
    await reader?.cancel();
  },
}, "proxied");
