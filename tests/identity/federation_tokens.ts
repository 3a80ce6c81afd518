/** Steps of the tests of workload federation: tokens that are exchanged, and tokens that are rejected. */
import assert from "node:assert/strict";
import { decodeJwt, UnsecuredJWT } from "jose";
import { atOnce } from "../support/at_once.ts";
import { Client, type Json } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import {
  assertRecorded,
  assertRejected,
  createProvider,
  createTrust,
  eventsOf,
  newTester,
  pathOf,
  present,
  PROVIDERS,
  type Stage,
  STRANGER,
  VIEWER,
} from "./federation.ts";
import { githubClaims, issuerKey } from "./token_issuer.ts";

/** Tokens of a flood: more than the reads of keys that may happen meanwhile, however slow the machine is. */
const FLOOD = 12;

/** A token of GitHub, from its exchange until its trust is deleted. */
export async function exchanges(stage: Stage): Promise<void> {
  const { client, issuer, principalId, audience, server } = stage;
  issuer.keys.set("/github", [await issuerKey("g1")]);
  const { id } = await createProvider(stage, "/github", "GITHUB_ACTIONS");
  const trust = await createTrust(stage, id, {
    scopedRoleIds: ["system:viewer"],
    passthroughClaims: ["actor", "long", "sha", "missing", "number"],
  });
  const claims = githubClaims(audience, { number: 7, long: "x".repeat(4_096) });
  const token = await issuer.sign("/github", claims);
  const answer = await present(stage, trust, token);
  const { access_token: accessToken, ...rest } = ok(answer);
  const [event] = await eventsOf(stage);
  assert.deepEqual([event.status_id, event.user.uid, event.user.credential_uid], [
    1,
    principalId,
    trust.clientId,
  ]);
  const { issuer: iss, subject, jti, claims: passed } = event.unmapped.workload;
  assert.deepEqual([iss, subject, jti, passed], [
    issuer.url("/github"),
    claims.sub,
    decodeJwt(token).jti,
    { actor: "octocat", sha: claims.sha },
  ]);
  assert.deepEqual(rest, {
    issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    token_type: "Bearer",
    expires_in: 1800,
  });
  assert.equal(answer.headers.get("cache-control"), "no-store");
  const issued = decodeJwt(accessToken);
  assert.deepEqual(issued["c1wfc"], { actor: "octocat", sha: claims.sha });
  assert.deepEqual([issued["client_id"], issued.sub], [trust.clientId, principalId]);
  const workload = new Client(server.url, accessToken);
  const { principleId, roles } = ok(await workload.get("/api/v1/auth/introspect"));
  assert.deepEqual([principleId, roles], [principalId, [VIEWER]]);
  assertError(await workload.post("/api/v1/functions", {}), "ROLE_MISSING");
  // Each command of a job exchanges the one token of the job.
  ok(await present(stage, trust, token));
  ok(await present(stage, trust, token, { scope: "system:viewer" }));
  const forSeveral = { ...claims, aud: ["https://other.example", audience] };
  ok(await present(stage, trust, await issuer.sign("/github", forSeveral)));
  // Discovery and keys are read once.
  assert.deepEqual(issuer.reads.filter((path) => path.startsWith("/github")), [
    "/github/.well-known/openid-configuration",
    "/github/.well-known/jwks",
  ]);

  const disabled = { provider: { disabled: true } };
  ok(await client.call("PATCH", `${PROVIDERS}/${id}`, disabled));
  assertRejected(await present(stage, trust, token));
  await assertRecorded(stage, trust, "provider_disabled");
  assertError(await workload.get("/api/v1/functions"), "TOKEN_INVALID");
  ok(await client.call("PATCH", `${PROVIDERS}/${id}`, { provider: { disabled: false } }));
  ok(await workload.get("/api/v1/functions"));
  ok(await client.call("PATCH", pathOf(trust), { trust: { disabled: true } }));
  assertRejected(await present(stage, trust, token));
  await assertRecorded(stage, trust, "trust_disabled");
  assertError(await workload.get("/api/v1/functions"), "TOKEN_INVALID");
  ok(await client.call("PATCH", pathOf(trust), { trust: { disabled: false } }));
  ok(await client.call("DELETE", pathOf(trust)));
  assertRejected(await present(stage, trust, token));
  await assertRecorded(stage, trust, "trust_not_found");
  assertError(await workload.get("/api/v1/functions"), "TOKEN_INVALID");
}

/** The words on record of steps that have one. */
const REASONS: Readonly<Record<string, string>> = {
  jwtDecode: "invalid_jwt_format",
  issuerMatch: "issuer_mismatch",
  signatureValidation: "signature_invalid",
  audienceValidation: "audience_mismatch",
  subjectValidation: "subject_missing",
  celEvaluation: "cel_condition_not_met",
};

/** Tokens that no trust may accept, with the step that says no. */
async function rejectedTokens(
  stage: Stage,
): Promise<[name: string, token: string, step: string][]> {
  const { issuer, audience } = stage;
  const now = Math.floor(Date.now() / 1000);
  const sign = (change: Json, path = "/rejections") =>
    issuer.sign(path, githubClaims(audience, change));
  const good = await sign({});
  const [header, payload, signature = ""] = good.split(".");
  const other = githubClaims(audience, { repository: "evil/repo" });
  const foreign = await issuerKey("r1", "ES256");
  const hmac = { ...foreign, alg: "HS256", privateKey: new TextEncoder().encode("x".repeat(32)) };
  const secret = hmac as unknown as typeof foreign;
  const unsecured = new UnsecuredJWT({ ...githubClaims(audience), iss: issuer.url("/rejections") })
    .setIssuedAt().setExpirationTime("5m").encode();
  const changed = btoa(JSON.stringify({ ...decodeJwt(good), actor: "evil" }))
    .replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");
  const forever = JSON.stringify({ ...decodeJwt(good), exp: "forever" });
  const infinite = forever.replace('"forever"', "1e999");
  const nested = JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`);
  return [
    ["no JWT", "abc", "jwtDecode"],
    ["not JSON", `${header}.bm9wZQ.${signature}`, "jwtDecode"],
    ["an encrypted one", `${header}.${payload}.${signature}.c.d`, "jwtDecode"],
    ["with a header that is not JSON", `bm9wZQ.${payload}.${signature}`, "jwtDecode"],
    ["nested claims", await sign({ nested }), "jwtDecode"],
    ["without a signature", unsecured, "jwtDecode"],
    [
      "alg none",
      `${btoa('{"alg":"none"}').replaceAll("=", "")}.${payload}.${signature}`,
      "signatureValidation",
    ],
    ["of another issuer", await sign({}, "/elsewhere"), "issuerMatch"],
    ["of an issuer that it names", await sign({ iss: issuer.url("/rejections/") }), "issuerMatch"],
    [
      "by another key",
      await issuer.sign("/rejections", githubClaims(audience), foreign),
      "signatureValidation",
    ],
    [
      "by HMAC",
      await issuer.sign("/rejections", githubClaims(audience), secret),
      "signatureValidation",
    ],
    ["changed", `${header}.${changed}.${signature}`, "signatureValidation"],
    [
      "for another server",
      await issuer.sign("/rejections", githubClaims("other")),
      "audienceValidation",
    ],
    ["for other servers", await sign({ aud: ["other", "another"] }), "audienceValidation"],
    ["without an audience", await sign({ aud: undefined }), "audienceValidation"],
    ["without a subject", await sign({ sub: undefined }), "subjectValidation"],
    ["with an empty subject", await sign({ sub: "" }), "subjectValidation"],
    ["with a number as its subject", await sign({ sub: 7 }), "subjectValidation"],
    ["expired", await sign({ iat: now - 120, exp: now - 60 }), "tokenFreshness"],
    ["without an end", await sign({ exp: undefined }), "tokenFreshness"],
    ["with a text as its end", await sign({ exp: String(now + 300) }), "tokenFreshness"],
    ["with an infinite end", await issuer.signText("/rejections", infinite), "tokenFreshness"],
    ["too old", await sign({ iat: now - 700 }), "tokenFreshness"],
    ["without its time", await sign({ iat: undefined }), "tokenFreshness"],
    ["with a text as its time", await sign({ iat: String(now) }), "tokenFreshness"],
    ["of the future", await sign({ iat: now + 300 }), "tokenFreshness"],
    ["not valid yet", await sign({ nbf: now + 300 }), "tokenFreshness"],
    ["of another repository", await issuer.sign("/rejections", other), "celEvaluation"],
    ["without a claim", await sign({ repository: undefined }), "celEvaluation"],
  ];
}

/** Each token that is rejected, and its reason on record. */
export async function rejections(stage: Stage): Promise<void> {
  const { client, issuer } = stage;
  issuer.keys.set("/rejections", [await issuerKey("r1", "ES256")]);
  issuer.keys.set("/elsewhere", [await issuerKey("r1", "ES256")]);
  const { id } = await createProvider(stage, "/rejections", "GITHUB_ACTIONS");
  const trust = await createTrust(stage, id);
  for (const [name, token, step] of await rejectedTokens(stage)) {
    const tester = await newTester(stage);
    assertRejected(await present(stage, trust, token));
    const reason = REASONS[step] ?? (/expired|end$/.test(name) ? "token_expired" : "token_too_old");
    await assertRecorded(stage, trust, reason);
    const result = ok(await tester.post(`${pathOf(trust)}/test`, { subjectToken: token }));
    assert.equal(result.overallResult, false, name);
    assert.deepEqual([result[step].passed, result[step].skipped], [false, false], name);
    assert.notEqual(result[step].detail, "", name);
  }
  const token = await issuer.sign("/rejections", githubClaims(stage.audience));
  for (const clientId of ["nobody@localhost/wfe", (await stage.server.credentials()).clientId]) {
    assertRejected(await present(stage, { clientId }, token));
  }
  const malformed: Json[] = [
    { subject_token: "" },
    { subject_token_type: "" },
    { subject_token_type: "urn:ietf:params:oauth:token-type:saml2" },
    { client_id: "" },
    { actor_token: "x" },
    { actor_token_type: "urn:ietf:params:oauth:token-type:jwt" },
    { requested_token_type: "urn:ietf:params:oauth:token-type:refresh_token" },
  ];
  for (const change of malformed) {
    const { status, body } = await present(stage, trust, token, change);
    assert.deepEqual([status, body.error], [400, "invalid_request"], JSON.stringify(change));
    assert.doesNotMatch(body.error_description, STRANGER);
  }
  const { url } = stage.server;
  for (const name of ["audience", "resource"]) {
    for (
      const other of ["https://other.example", "other.example", "https://127.0.0.1.evil.example"]
    ) {
      const { status, body } = await present(stage, trust, token, { [name]: other });
      assert.deepEqual([status, body.error], [400, "invalid_target"], `${name} ${other}`);
      await assertRecorded(stage, trust, "invalid_target");
    }
    ok(await present(stage, trust, token, { [name]: `${url}/api`, requested_token_type: "" }));
  }
  ok(await present(stage, trust, token, { audience: stage.audience }));
  ok(await present(stage, trust, token, { audience: "invoked/api" }));
  const { body } = await present(stage, trust, token, { scope: "nothing" });
  assert.equal(body.error, "invalid_scope");
  const networks = { trust: { allowSourceCidrs: ["192.0.2.0/24"] } };
  ok(await client.call("PATCH", pathOf(trust), networks));
  assertRejected(await present(stage, trust, token));
  await assertRecorded(stage, trust, "cidr_not_allowed");
  // Everything else of the token is right, so its principal is known.
  assert.equal((await eventsOf(stage))[0]?.user.uid, stage.principalId);
  ok(await present(stage, trust, token, {}, "192.0.2.9"));
}

/**
 * A flood of tokens, each by a key that the issuer does not publish, makes the server read no key set for each token. The
 * issuer may answer, or be down.
 */
export async function floods(stage: Stage): Promise<void> {
  const { issuer, audience } = stage;
  const path = "/floods";
  issuer.keys.set(path, [await issuerKey("f", "ES256")]);
  const { id } = await createProvider(stage, path, "CUSTOM");
  const trust = await createTrust(stage, id);
  const foreign = await issuerKey("foreign", "ES256");
  const tokens = await atOnce(
    FLOOD,
    (n) => issuer.sign(path, githubClaims(audience), { ...foreign, kid: `foreign ${n}` }),
  );
  const readsOf = (issuerPath: string) =>
    issuer.reads.filter((read) => read.startsWith(issuerPath));
  const assertFew = (issuerPath: string) => {
    const reads = readsOf(issuerPath);
    assert.ok(0 < reads.length && reads.length < FLOOD, `${reads.length} reads of ${issuerPath}`);
  };
  ok(await present(stage, trust, await issuer.sign(path, githubClaims(audience))));
  const answers = await Promise.all(tokens.map((token) => present(stage, trust, token)));
  answers.forEach(assertRejected);
  await assertRecorded(stage, trust, "signature_invalid");
  assertFew(`${path}/.well-known/jwks`);

  // Failed reads count, too. Requests at the same time share one read, so these come one after another.
  const down = "/missing-floods";
  const ofDown = await createTrust(stage, (await createProvider(stage, down, "CUSTOM")).id);
  const token = await issuer.sign(down, githubClaims(audience), foreign);
  for (let sent = 0; sent < FLOOD; sent++) assertRejected(await present(stage, ofDown, token));
  await assertRecorded(stage, ofDown, "keys_unavailable");
  assertFew(down);
}

/** Each way in which the keys of an issuer cannot be read, or are not its own. */
export async function keys(stage: Stage): Promise<void> {
  const { issuer, audience } = stage;
  const reasonFor = async (path: string, document?: Json) => {
    if (document !== undefined) issuer.documents.set(path, document);
    const { id } = await createProvider(stage, path, "CUSTOM");
    const trust = await createTrust(stage, id);
    const key = await issuerKey("k", "ES256");
    const token = await issuer.sign(path, githubClaims(audience), key);
    assertRejected(await present(stage, trust, token));
    await assertRecorded(stage, trust, "keys_unavailable");
    const tester = await newTester(stage);
    const { signatureValidation } = ok(
      await tester.post(`${pathOf(trust)}/test`, { subjectToken: token }),
    );
    return signatureValidation.detail;
  };
  const own = await issuerKey("k", "ES256");
  assert.match(await reasonFor("/missing"), /discovery document .*its status is 404/);
  for (const path of ["/liar", "/plain", "/nowhere", "/private", "/large"]) {
    issuer.keys.set(path, [own]);
  }
  const jwks_uri = `${issuer.url("/github")}/.well-known/jwks`;
  assert.match(
    await reasonFor("/liar", { issuer: issuer.url("/github"), jwks_uri }),
    /its issuer is/,
  );
  const named = (path: string, uri: string) => ({ issuer: issuer.url(path), jwks_uri: uri });
  assert.match(
    await reasonFor("/plain", named("/plain", "http://localhost/keys")),
    /not an https URL/,
  );
  assert.match(await reasonFor("/nowhere", named("/nowhere", "keys")), /jwks_uri is no URL/);
  // The rules of egress count for the server, too: this one may reach loopback alone.
  assert.match(
    await reasonFor("/private", named("/private", "https://10.1.2.3/keys")),
    /10\.1\.2\.3/,
  );
  assert.match(await reasonFor("/large", { filler: "x".repeat(100_000) }), /more than 64 KiB/);
}
