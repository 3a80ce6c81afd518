import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  decodeJwt,
  decodeProtectedHeader,
  generateKeyPair,
  importJWK,
  type JWTPayload,
  SignJWT,
} from "jose";
import { masterKeyFileOf, readMasterKeys } from "../../src/store/master_key.ts";
import { Sealer } from "../../src/store/sealing.ts";
import { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedServer } from "../support/shared_server.ts";
import { sharedSuite } from "../support/suite.ts";

const base64url = (value: unknown) =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value))
    .toBase64({ alphabet: "base64url", omitPadding: true });

const FUNCTIONS = "/api/v1/functions";
/** What a request without a token hears. */
const challengeAt = (url: string, path: string) =>
  `Bearer realm="invoked", resource_metadata="${url}/.well-known/oauth-protected-resource${path}", ` +
  'DPoP algs="ES256 ES384 EdDSA Ed25519 PS256 RS256"';
const HEADER = { alg: "EdDSA", typ: "at+jwt" };

async function assertRejected(client: Client, token: string): Promise<void> {
  const answer = await new Client(client.url, token).get("/api/v1/auth/introspect");
  assertError(answer, "TOKEN_INVALID");
  const challenge = answer.headers.get("www-authenticate") ?? "";
  assert.match(challenge, /^Bearer realm="invoked", error="invalid_token", error_description="/);
}

/** The key with which a running server signs, and the header of its tokens. */
async function signingKeyOf(dataDir: string) {
  using db = new DatabaseSync(join(dataDir, "invoked.db"), { readOnly: true });
  const row = db.prepare("select id, sealed from server_keys where purpose = 'access-token'").get();
  const [masterKey = new Uint8Array()] = await readMasterKeys(masterKeyFileOf(dataDir)) ?? [];
  const context = `server-key:access-token:${row?.id}`;
  const jwk = new Sealer(masterKey).open(row?.sealed as Uint8Array, context);
  const key = await importJWK(JSON.parse(new TextDecoder().decode(jwk)), "EdDSA") as CryptoKey;
  return { key, header: { ...HEADER, kid: String(row?.id) } };
}

sharedSuite("access tokens", {
  "are EdDSA JWTs of an hour without a secret in them": async ({ server, client }) => {
    const token = client.token ?? "";
    const { kid, ...header } = decodeProtectedHeader(token);
    assert.deepEqual(header, HEADER);
    assert.match(kid ?? "", /^[0-9A-Za-z]{27}$/);
    const { iat = 0, exp, sub, jti = "", ...claims } = decodeJwt(token);
    assert.equal(exp, iat + 3600);
    assert.ok(Math.abs(iat - Date.now() / 1000) < 60);
    assert.match(sub ?? "", /^[0-9A-Za-z]{27}$/);
    assert.match(jti, /^[0-9a-f-]{36}$/);
    assert.deepEqual(claims, {
      iss: server.url,
      aud: [server.url, "invoked/api"],
      client_id: (await server.credentials()).clientId,
    });
  },

  "the scheme is case-insensitive": async ({ client }) => {
    const anonymous = new Client(client.url, undefined);
    for (const scheme of ["Bearer", "bearer", "BEARER"]) {
      ok(await anonymous.get("/api/v1/functions", { authorization: `${scheme} ${client.token}` }));
    }
  },

  "a token of a clock that was ahead is rejected, beyond a minute": async ({ server, client }) => {
    const { key, header } = await signingKeyOf(server.dataDir);
    const claims = decodeJwt(client.token ?? "");
    const issuedAhead = async (seconds: number) => {
      const iat = Math.floor(Date.now() / 1000) + seconds;
      const token = await new SignJWT({ ...claims, iat, exp: iat + 600 })
        .setProtectedHeader(header).sign(key);
      return await new Client(client.url, token).get("/api/v1/auth/introspect");
    };
    ok(await issuedAhead(30));
    const message = /: it was issued at \d{4}-.*Z, which is in the future; /;
    assertError(await issuedAhead(3 * 24 * 60 * 60), "TOKEN_INVALID", message);
  },

  "an expired token has an error of its own, and one without a claim is invalid": async (
    { server, client },
  ) => {
    const { key, header } = await signingKeyOf(server.dataDir);
    const claims = decodeJwt(client.token ?? "");
    const now = Math.floor(Date.now() / 1000);
    const sign = async (more: JWTPayload, changed = {}) =>
      new Client(
        client.url,
        await new SignJWT({ ...claims, ...more }).setProtectedHeader({ ...header, ...changed })
          .sign(key),
      );
    const withClaims = async (more: JWTPayload) => await (await sign(more)).get(FUNCTIONS);
    ok(await withClaims({ exp: now + 300 }));
    ok(await withClaims({ iss: "https://former.example", aud: "invoked/api" }));
    assertError(await withClaims({ exp: now - 1 }), "TOKEN_EXPIRED");
    for (const name of ["sub", "iat", "exp", "client_id", "aud"]) {
      const partial = await withClaims({ [name]: undefined } as unknown as JWTPayload);
      assertError(partial, "TOKEN_INVALID");
    }
    assertError(await withClaims({ aud: server.url }), "TOKEN_INVALID");
    // Another kind of token that the key might sign one day.
    for (const typ of ["JWT", undefined]) {
      assertError(await (await sign({}, { typ })).get(FUNCTIONS), "TOKEN_INVALID");
    }
  },

  "a token that was accepted expires like any other": async ({ server, client }) => {
    const { key, header } = await signingKeyOf(server.dataDir);
    const claims = decodeJwt(client.token ?? "");
    // On a busy machine the first call may come too late: then the token gets more time.
    for (let seconds = 2;; seconds *= 2) {
      const exp = Math.floor(Date.now() / 1000) + seconds;
      const token = await new SignJWT({ ...claims, exp }).setProtectedHeader(header).sign(key);
      const holder = new Client(client.url, token);
      if ((await holder.get(FUNCTIONS)).status !== 200) continue;
      const answer = await eventually(async () => {
        const later = await holder.get(FUNCTIONS);
        return later.status === 200 ? undefined : later;
      });
      return assertError(answer, "TOKEN_EXPIRED");
    }
  },

  "forged, changed and unsigned tokens are rejected": async ({ client }) => {
    const token = client.token ?? "";
    const [header = "", payload = "", signature = ""] = token.split(".");
    const claims = decodeJwt(token);
    const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
    const { kid = "" } = decodeProtectedHeader(token);
    const sign = (more: JWTPayload, key = kid) =>
      new SignJWT({ ...claims, ...more }).setProtectedHeader({ ...HEADER, ...key && { kid: key } })
        .sign(privateKey);
    const root = base64url({ ...claims, sub: "0".repeat(27) });
    const later = base64url({ ...claims, exp: (claims.exp ?? 0) + 600 });
    const hmac = await new SignJWT(claims).setProtectedHeader({ ...HEADER, alg: "HS256", kid })
      .sign(new TextEncoder().encode("x".repeat(32)));
    const none = base64url({ alg: "none", typ: "at+jwt", kid });
    const forged = [
      await sign({}),
      await sign({ exp: 1 }),
      await sign({}, ""),
      await sign({}, "0".repeat(27)),
      await sign({}, "__proto__"),
      hmac,
      `${header}.${root}.${signature}`,
      `${header}.${later}.${signature}`,
      `${none}.${payload}.`,
      `${none}.${payload}.${signature}`,
      `${base64url({ alg: "NONE", typ: "at+jwt", kid })}.${payload}.`,
      `${base64url({ ...HEADER, typ: "JWT", kid })}.${payload}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${token}.${signature}`,
      `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
      "garbage",
      "a.b.c",
      "..",
      base64url("garbage"),
      "x".repeat(8000),
    ];
    for (const bad of forged) await assertRejected(client, bad);
  },

  "an assertion, or another server's token, is no access token": async ({ client }) => {
    const foreign = await sharedServer("foreign");
    await assertRejected(client, (await foreign.client()).token ?? "");
  },

  "a token is accepted in no other scheme and header": async ({ server, client }) => {
    const { clientId, clientSecret } = await server.credentials();
    const anonymous = new Client(client.url, undefined);
    const headers = [
      `Basic ${btoa(`${clientId}:${clientSecret}`)}`,
      `Token ${client.token}`,
      `${client.token}`,
      "Bearer",
      "Bearer ",
      `Bearer ${client.token} x`,
      `Bearer${client.token}`,
    ];
    for (const authorization of headers) {
      const answer = await anonymous.get("/api/v1/functions", { authorization });
      assertError(answer, "TOKEN_MISSING");
      assert.equal(answer.headers.get("www-authenticate"), challengeAt(server.url, FUNCTIONS));
      const isEmpty = authorization.trim() === "Bearer";
      assert.equal(
        /is empty; with C1's Go SDK, set the field Oauth of Security/.test(answer.body.message),
        isEmpty,
      );
    }
    const query = await anonymous.get(`/api/v1/functions?access_token=${client.token}`);
    assertError(query, "TOKEN_MISSING");
    const form = await anonymous.form("/api/v1/search/functions", {
      access_token: client.token ?? "",
    });
    assertError(form, "TOKEN_MISSING");
    const cookie = await anonymous.get("/api/v1/functions", {
      cookie: `access_token=${client.token}`,
    });
    assertError(cookie, "TOKEN_MISSING");
  },
});
