/** Workload federation: providers, trusts, and tokens of workloads for access tokens. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeJwt, UnsecuredJWT } from "jose";
import { CA } from "../egress/certificates.ts";
import { type Answer, Client, type Json } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { githubClaims, gitlabClaims, issuerKey, TokenIssuer } from "./token_issuer.ts";

const PROVIDERS = "/api/v1/workload_federation/providers";
const PRINCIPALS = "/api/v1/service_principals";
const SEARCH = "/api/v1/search/workload_federation_trusts";
const TEST_CEL = "/api/v1/workload_federation/test-cel";
const CONDITION = "claims.repository == 'octo-org/octo-repo' && claims.ref == 'refs/heads/main'";
const WELL_KNOWN = "WELL_KNOWN_WORKLOAD_PROVIDER";
const VIEWER = "000000000000000systemviewer";
const STRANGER = /^subject_token was refused: no usable trust with this client_id accepts/;

const exchange = {
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
};

interface Stage {
  readonly server: TestServer;
  readonly client: Client;
  readonly stranger: Client;
  readonly issuer: TokenIssuer;
  /** The owner's service principal. */
  readonly principalId: string;
  /** What tokens name as their audience. */
  readonly audience: string;
}

function trustsOf(principalId: string): string {
  return `${PRINCIPALS}/${principalId}/trusts`;
}

function pathOf({ servicePrincipalId, clientId }: Json): string {
  return `${trustsOf(servicePrincipalId)}/${encodeURIComponent(clientId)}`;
}

async function createProvider({ client, issuer }: Stage, path: string, kind: string) {
  const { provider } = ok(
    await client.post(PROVIDERS, {
      displayName: path.slice(1),
      issuerUrl: issuer.url(path),
      wellKnownProvider: `${WELL_KNOWN}_${kind}`,
      oidc: {},
    }),
  );
  return provider;
}

async function createTrust({ client, principalId }: Stage, providerId: string, change: Json = {}) {
  const settings = { displayName: "deploy", providerId, conditionExpression: CONDITION, ...change };
  return ok(await client.post(trustsOf(principalId), settings)).trust;
}

let jobs = 0;

/** Sends a token from an address of its own, so that no limit of addresses is met. */
function present({ stranger }: Stage, trust: Json, token: string, more = {}, from = nextAddress()) {
  const form = { ...exchange, client_id: trust.clientId, subject_token: token, ...more };
  return stranger.call("POST", "/auth/v1/token", String(new URLSearchParams(form)), {
    "content-type": "application/x-www-form-urlencoded",
    "x-forwarded-for": from,
  });
}

function nextAddress(): string {
  jobs++;
  return `198.51.100.${jobs % 256}`;
}

/** The newest events of token exchanges. */
async function eventsOf({ client }: Stage): Promise<Json[]> {
  const body = { pageSize: 100, sortDirection: "SORT_DIRECTION_DESC" };
  const { list } = ok(await client.post("/api/v1/systemlog/events", body));
  return list.filter((event: Json) => event.activity_name === "token_exchange");
}

async function assertRecorded(stage: Stage, trust: Json, reason: string): Promise<void> {
  const [event] = await eventsOf(stage);
  assert.equal(event.status_code, reason, JSON.stringify(event));
  assert.equal(event.user.credential_uid, trust.clientId);
  assert.equal(event.status_id, 2);
}

function assertRefused({ status, body }: Answer<Json>): void {
  assert.deepEqual([status, body.error], [400, "invalid_request"], JSON.stringify(body));
  assert.match(body.error_description, STRANGER);
}

async function providers(stage: Stage): Promise<void> {
  const { client, issuer } = stage;
  const body = {
    displayName: "GitHub",
    issuerUrl: issuer.url("/other"),
    wellKnownProvider: `${WELL_KNOWN}_GITHUB_ACTIONS`,
    oidc: {},
  };
  const wrong: [Json, string][] = [
    [{ displayName: "" }, "displayName"],
    [{ issuerUrl: "http://localhost" }, "issuerUrl"],
    [{ issuerUrl: "https://user@host" }, "issuerUrl"],
    [{ issuerUrl: "https://host/?a=b" }, "issuerUrl"],
    [{ issuerUrl: "token.actions.githubusercontent.com" }, "issuerUrl"],
    [{ wellKnownProvider: `${WELL_KNOWN}_UNSPECIFIED` }, "wellKnownProvider"],
    [{ wellKnownProvider: undefined }, "wellKnownProvider"],
    [{ wellKnownProvider: "GITHUB" }, "wellKnownProvider"],
    [{ oidc: undefined }, "oidc"],
  ];
  for (const [change, field] of wrong) {
    const answer = await client.post(PROVIDERS, { ...body, ...change });
    assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: [field] });
  }
  const spiffe = { ...body, wellKnownProvider: `${WELL_KNOWN}_SPIFFE`, oidc: undefined };
  for (const settings of [spiffe, { ...body, spiffe: { bundleEndpointUrl: "https://a/b" } }]) {
    const answer = await client.post(PROVIDERS, settings);
    assertError(answer, "UNIMPLEMENTED", "SPIFFE_NOT_SUPPORTED", { message: /OpenID Connect/ });
  }
  const { provider } = ok(await client.post(PROVIDERS, body));
  const { id, createdAt, updatedAt, ...rest } = provider;
  assert.deepEqual(rest, { ...body, description: "", disabled: false });
  assert.match(id, /^[0-9A-Za-z]{27}$/);
  assert.equal(createdAt, updatedAt);
  assert.deepEqual(ok(await client.get(`${PROVIDERS}/${id}`)), { provider });
  assert.deepEqual(ok(await client.get(PROVIDERS)).list[0], provider);
  assertError(await client.post(PROVIDERS, body), "ALREADY_EXISTS", "PROVIDER_ALREADY_EXISTS", {
    message: new RegExp(`GitHub \\(${id}\\) has the issuer`),
  });
  const change = { provider: { displayName: "GH", description: "x", issuerUrl: "https://evil" } };
  const changed = ok(await client.call("PATCH", `${PROVIDERS}/${id}`, change)).provider;
  assert.deepEqual([changed.displayName, changed.issuerUrl], ["GH", body.issuerUrl]);
  const masked = { ...change, updateMask: "issuerUrl" };
  const answer = await client.call("PATCH", `${PROVIDERS}/${id}`, masked);
  assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: ["updateMask"] });
  const trust = await createTrust(stage, id, { displayName: "a" });
  const inUse = await client.call("DELETE", `${PROVIDERS}/${id}`);
  assertError(inUse, "FAILED_PRECONDITION", "PROVIDER_IN_USE", {
    message: new RegExp(`trusts: a \\(${trust.clientId}\\); delete these first`),
  });
  ok(await client.call("DELETE", pathOf(trust)));
  ok(await client.call("DELETE", `${PROVIDERS}/${id}`));
  assertError(await client.get(`${PROVIDERS}/${id}`), "NOT_FOUND", "PROVIDER_NOT_FOUND");
}

async function trusts(stage: Stage): Promise<void> {
  const { client, principalId } = stage;
  const { id: providerId } = await createProvider(stage, "/trusts", "CUSTOM");
  const settings = {
    displayName: "main",
    description: "deploys",
    providerId,
    conditionExpression: CONDITION,
    allowSourceCidrs: ["10.0.0.0/8", "fd00::1/128"],
    scopedRoleIds: [VIEWER],
    passthroughClaims: ["actor"],
  };
  const wrong: [Json, string, RegExp?][] = [
    [{ displayName: "" }, "displayName"],
    [{ providerId: "x" }, "providerId"],
    [{ conditionExpression: "" }, "conditionExpression"],
    [{ conditionExpression: "claim.sub == 'x'" }, "conditionExpression", /claim is unknown/],
    [{ conditionExpression: `claims.sub == '${"x".repeat(1024)}'` }, "conditionExpression"],
    [{ allowSourceCidrs: ["10.0.0.0/33"] }, "allowSourceCidrs[0]"],
    [{ allowSourceCidrs: ["10.0.0.1,10.0.0.2"] }, "allowSourceCidrs[0]"],
    [{ allowSourceCidrs: Array(33).fill("10.0.0.0/8") }, "allowSourceCidrs"],
    [{ scopedRoleIds: ["nobody"] }, "scopedRoleIds[0]"],
    [{ scopedRoleIds: ["x".repeat(27)] }, "scopedRoleIds[0]"],
    [{ passthroughClaims: [""] }, "passthroughClaims[0]"],
    [{ passthroughClaims: Array(33).fill("a") }, "passthroughClaims"],
  ];
  for (const [change, field] of wrong) {
    const answer = await client.post(trustsOf(principalId), { ...settings, ...change });
    assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: [field] });
  }
  const nobody = await client.post(trustsOf("nobody"), settings);
  assertError(nobody, "NOT_FOUND", "PRINCIPAL_NOT_FOUND");
  const { trust } = ok(await client.post(trustsOf(principalId), settings));
  const { clientId, createdAt, updatedAt, ...rest } = trust;
  assert.deepEqual(rest, { ...settings, servicePrincipalId: principalId, disabled: false });
  assert.match(clientId, /^[a-z]+-[a-z]+-\d{5}@127\.0\.0\.1:\d+\/wfe$/);
  assert.equal(createdAt, updatedAt);
  assert.deepEqual(ok(await client.get(pathOf(trust))), { trust });
  assert.deepEqual(ok(await client.get(trustsOf(principalId))).list[0], trust);
  const found = async (body: Json) =>
    ok(await client.post(SEARCH, body)).list.map((one: Json) => one.clientId);
  assert.deepEqual(await found({ provider_id: providerId, query: "EPLOY" }), [clientId]);
  assert.deepEqual(await found({ providerId, query: "%" }), []);
  assert.deepEqual(await found({ providerId, servicePrincipalId: "x" }), []);
  const other = pathOf({ servicePrincipalId: "x", clientId });
  assertError(await client.get(other), "NOT_FOUND", "TRUST_NOT_FOUND");

  const change = {
    trust: { displayName: "new", conditionExpression: "claims.sub == 'x'", passthroughClaims: [] },
    update_mask: "display_name,condition_expression,passthrough_claims,allow_source_cidrs",
  };
  const changed = ok(await client.call("PATCH", pathOf(trust), change)).trust;
  const { displayName, conditionExpression, passthroughClaims, allowSourceCidrs } = changed;
  assert.deepEqual(
    [displayName, conditionExpression, passthroughClaims, allowSourceCidrs, changed.scopedRoleIds],
    ["new", "claims.sub == 'x'", [], [], [VIEWER]],
  );
  const worse = { trust: { conditionExpression: "true ||" } };
  assertError(
    await client.call("PATCH", pathOf(trust), worse),
    "INVALID_ARGUMENT",
    "INVALID_FIELD",
    {
      fields: ["trust.conditionExpression"],
    },
  );
  ok(await client.call("DELETE", pathOf(trust)));
  for (const method of ["GET", "DELETE"]) {
    assertError(await client.call(method, pathOf(trust)), "NOT_FOUND", "TRUST_NOT_FOUND");
  }
  ok(await client.call("DELETE", `${PROVIDERS}/${providerId}`));
}

async function exchanges(stage: Stage): Promise<void> {
  const { client, issuer, principalId, audience, server } = stage;
  issuer.keys.set("/github", [await issuerKey("g1")]);
  const { id } = await createProvider(stage, "/github", "GITHUB_ACTIONS");
  const trust = await createTrust(stage, id, {
    scopedRoleIds: ["system:viewer"],
    passthroughClaims: ["actor", "sha", "missing", "number"],
  });
  const claims = githubClaims(audience, { number: 7 });
  const token = await issuer.sign("/github", claims);
  const answer = await present(stage, trust, token);
  const { access_token: accessToken, ...rest } = ok(answer);
  const [event] = await eventsOf(stage);
  assert.deepEqual([event.status_id, event.user.uid, event.user.credential_uid], [
    1,
    principalId,
    trust.clientId,
  ]);
  const { issuer: iss, subject, claims: passed } = event.unmapped.workload;
  assert.deepEqual([iss, subject, passed], [
    issuer.url("/github"),
    claims.sub,
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
  assertError(await workload.post("/api/v1/functions", {}), "PERMISSION_DENIED", "ROLE_MISSING");
  // Each command of a job exchanges the one token of the job.
  ok(await present(stage, trust, token));
  ok(await present(stage, trust, token, { scope: "system:viewer" }));
  // Discovery and keys are read once.
  assert.deepEqual(issuer.reads.filter((path) => path.startsWith("/github")), [
    "/github/.well-known/openid-configuration",
    "/github/.well-known/jwks",
  ]);

  const disabled = { provider: { disabled: true } };
  ok(await client.call("PATCH", `${PROVIDERS}/${id}`, disabled));
  assertRefused(await present(stage, trust, token));
  await assertRecorded(stage, trust, "provider_disabled");
  assertError(await workload.get("/api/v1/functions"), "UNAUTHENTICATED", "TOKEN_INVALID");
  ok(await client.call("PATCH", `${PROVIDERS}/${id}`, { provider: { disabled: false } }));
  ok(await workload.get("/api/v1/functions"));
  ok(await client.call("PATCH", pathOf(trust), { trust: { disabled: true } }));
  assertRefused(await present(stage, trust, token));
  await assertRecorded(stage, trust, "trust_disabled");
  assertError(await workload.get("/api/v1/functions"), "UNAUTHENTICATED", "TOKEN_INVALID");
  ok(await client.call("PATCH", pathOf(trust), { trust: { disabled: false } }));
  ok(await client.call("DELETE", pathOf(trust)));
  assertRefused(await present(stage, trust, token));
  await assertRecorded(stage, trust, "trust_not_found");
  assertError(await workload.get("/api/v1/functions"), "UNAUTHENTICATED", "TOKEN_INVALID");
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
async function refusedTokens(stage: Stage): Promise<[name: string, token: string, step: string][]> {
  const { issuer, audience } = stage;
  const now = Math.floor(Date.now() / 1000);
  const sign = (change: Json, path = "/refusals") =>
    issuer.sign(path, githubClaims(audience, change));
  const good = await sign({});
  const [header, payload, signature = ""] = good.split(".");
  const other = githubClaims(audience, { repository: "evil/repo" });
  const foreign = await issuerKey("r1", "ES256");
  const hmac = { ...foreign, alg: "HS256", privateKey: new TextEncoder().encode("x".repeat(32)) };
  const secret = hmac as unknown as typeof foreign;
  const unsecured = new UnsecuredJWT({ ...githubClaims(audience), iss: issuer.url("/refusals") })
    .setIssuedAt().setExpirationTime("5m").encode();
  const changed = btoa(JSON.stringify({ ...decodeJwt(good), actor: "evil" }))
    .replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");
  const nested = JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`);
  return [
    ["no JWT", "abc", "jwtDecode"],
    ["not JSON", `${header}.bm9wZQ.${signature}`, "jwtDecode"],
    ["an encrypted one", `${header}.a.b.c.d`, "jwtDecode"],
    ["nested claims", await sign({ nested }), "jwtDecode"],
    ["without a signature", unsecured, "jwtDecode"],
    [
      "alg none",
      `${btoa('{"alg":"none"}').replaceAll("=", "")}.${payload}.${signature}`,
      "signatureValidation",
    ],
    ["of another issuer", await sign({}, "/elsewhere"), "issuerMatch"],
    ["of an issuer that it names", await sign({ iss: issuer.url("/refusals/") }), "issuerMatch"],
    [
      "by another key",
      await issuer.sign("/refusals", githubClaims(audience), foreign),
      "signatureValidation",
    ],
    [
      "by HMAC",
      await issuer.sign("/refusals", githubClaims(audience), secret),
      "signatureValidation",
    ],
    ["changed", `${header}.${changed}.${signature}`, "signatureValidation"],
    [
      "for another server",
      await issuer.sign("/refusals", githubClaims("other")),
      "audienceValidation",
    ],
    ["without an audience", await sign({ aud: undefined }), "audienceValidation"],
    ["without a subject", await sign({ sub: undefined }), "subjectValidation"],
    ["expired", await sign({ iat: now - 120, exp: now - 60 }), "tokenFreshness"],
    ["without an end", await sign({ exp: undefined }), "tokenFreshness"],
    ["too old", await sign({ iat: now - 700 }), "tokenFreshness"],
    ["without its time", await sign({ iat: undefined }), "tokenFreshness"],
    ["of the future", await sign({ iat: now + 300 }), "tokenFreshness"],
    ["not valid yet", await sign({ nbf: now + 300 }), "tokenFreshness"],
    ["of another repository", await issuer.sign("/refusals", other), "celEvaluation"],
    ["without a claim", await sign({ repository: undefined }), "celEvaluation"],
  ];
}

async function refusals(stage: Stage): Promise<void> {
  const { client, issuer } = stage;
  issuer.keys.set("/refusals", [await issuerKey("r1", "ES256")]);
  issuer.keys.set("/elsewhere", [await issuerKey("r1", "ES256")]);
  const { id } = await createProvider(stage, "/refusals", "GITHUB_ACTIONS");
  const trust = await createTrust(stage, id);
  for (const [name, token, step] of await refusedTokens(stage)) {
    assertRefused(await present(stage, trust, token));
    const reason = REASONS[step] ?? (/expired|end$/.test(name) ? "token_expired" : "token_too_old");
    await assertRecorded(stage, trust, reason);
    const result = ok(await client.post(`${pathOf(trust)}/test`, { subjectToken: token }));
    assert.equal(result.overallResult, false, name);
    assert.deepEqual([result[step].passed, result[step].skipped], [false, false], name);
    assert.notEqual(result[step].detail, "", name);
  }
  const token = await issuer.sign("/refusals", githubClaims(stage.audience));
  for (const clientId of ["nobody@localhost/wfe", (await stage.server.credentials()).clientId]) {
    assertRefused(await present(stage, { clientId }, token));
  }
  const malformed: Json[] = [
    { subject_token: "" },
    { subject_token_type: "" },
    { subject_token_type: "urn:ietf:params:oauth:token-type:saml2" },
    { client_id: "" },
    { actor_token: "x" },
    { requested_token_type: "urn:ietf:params:oauth:token-type:refresh_token" },
  ];
  for (const change of malformed) {
    const { status, body } = await present(stage, trust, token, change);
    assert.deepEqual([status, body.error], [400, "invalid_request"], JSON.stringify(change));
    assert.doesNotMatch(body.error_description, STRANGER);
  }
  const { body } = await present(stage, trust, token, { scope: "nothing" });
  assert.equal(body.error, "invalid_scope");
  const networks = { trust: { allowSourceCidrs: ["192.0.2.0/24"] } };
  ok(await client.call("PATCH", pathOf(trust), networks));
  assertRefused(await present(stage, trust, token));
  await assertRecorded(stage, trust, "cidr_not_allowed");
  ok(await present(stage, trust, token, {}, "192.0.2.9"));
  // An unknown key reads the set again at most once in a while.
  const reads = issuer.reads.filter((path) => path === "/refusals/.well-known/jwks");
  assert.ok(reads.length < 8, `${reads.length} reads`);
}

/** What principals may do counts: that of the trust, and whoever manages the trust. */
async function principals(stage: Stage): Promise<void> {
  const { client, issuer, audience, server } = stage;
  const principal = async (displayName: string, roleIds: readonly string[]) => {
    const { servicePrincipal: { id } } = ok(await client.post(PRINCIPALS, { displayName }));
    ok(await client.post(`${PRINCIPALS}/${id}/roles`, { roleIds }));
    return id;
  };
  issuer.keys.set("/principals", [await issuerKey("p1", "ES256")]);
  const { id: providerId } = await createProvider(stage, "/principals", "CUSTOM");
  const principalId = await principal("ci", [VIEWER]);
  const trust = await createTrust({ ...stage, principalId }, providerId);
  const token = await issuer.sign("/principals", githubClaims(audience));
  const { access_token: accessToken } = ok(await present(stage, trust, token));
  const workload = new Client(server.url, accessToken);
  ok(await workload.get("/api/v1/functions"));

  // Who may manage trusts but lacks the rights of a principal lets nobody act as the principal.
  const service = "c1.api.workload_federation.v1.WorkloadFederationService";
  const permissions = ["CreateTrust", "UpdateTrust", "DeleteTrust"]
    .map((name) => `permission/${service}.${name}`);
  const { role } = ok(
    await client.post("/api/v1/iam/roles", { role: { displayName: "manager", permissions } }),
  );
  const managerId = await principal("manager", [role.id]);
  const { credential, clientSecret } = ok(
    await client.post(`${PRINCIPALS}/${managerId}/credentials`, { displayName: "manager" }),
  );
  const manager = await Client.login(server.url, credential.clientId, clientSecret);
  const settings = { displayName: "x", providerId, conditionExpression: CONDITION };
  const denied = (answer: Answer<Json>) =>
    assertError(answer, "PERMISSION_DENIED", "ROLE_MISSING", { message: /rights that/ });
  denied(await manager.post(trustsOf(principalId), settings));
  denied(await manager.post(trustsOf(principalId), { ...settings, scopedRoleIds: [role.id] }));
  denied(await manager.call("PATCH", pathOf(trust), { trust: { conditionExpression: "true" } }));
  denied(await manager.call("DELETE", pathOf(trust)));
  const own = ok(await manager.post(trustsOf(managerId), settings)).trust;
  denied(await manager.call("PATCH", pathOf(own), { trust: { scopedRoleIds: [VIEWER] } }));
  ok(await manager.call("PATCH", pathOf(own), { trust: { conditionExpression: "true" } }));

  ok(
    await client.call("PATCH", `${PRINCIPALS}/${principalId}`, {
      servicePrincipal: { disabled: true },
    }),
  );
  assertRefused(await present(stage, trust, token));
  await assertRecorded(stage, trust, "sp_disabled");
  assertError(await workload.get("/api/v1/functions"), "UNAUTHENTICATED", "TOKEN_INVALID");
  // The trusts of a principal end with the principal, and no longer hold their provider.
  ok(await client.call("DELETE", `${PRINCIPALS}/${principalId}`));
  assertRefused(await present(stage, trust, token));
  await assertRecorded(stage, trust, "trust_not_found");
  ok(await client.call("DELETE", pathOf(own)));
  ok(await client.call("DELETE", `${PROVIDERS}/${providerId}`));
}

async function tests(stage: Stage): Promise<void> {
  const { client, issuer, audience } = stage;
  issuer.keys.set("/gitlab", [await issuerKey("l1", "ES256")]);
  const { id } = await createProvider(stage, "/gitlab", "GITLAB_CI");
  const trust = await createTrust(stage, id, {
    conditionExpression:
      "claims.project_path == 'acme/shop' && claims.ref_protected == 'true' && " +
      "claims.groups_direct.exists(g, g.endsWith('/release'))",
    allowSourceCidrs: ["192.0.2.0/24"],
  });
  const claims = gitlabClaims(audience);
  const subjectToken = await issuer.sign("/gitlab", claims);
  const run = async (body: Json) => ok(await client.post(`${pathOf(trust)}/test`, body));
  const result = await run({ subjectToken, sourceIp: "192.0.2.7" });
  const { decodedClaimsJson, overallResult, ...steps } = result;
  assert.equal(overallResult, true, JSON.stringify(steps));
  assert.deepEqual(JSON.parse(decodedClaimsJson).groups_direct, claims.groups_direct);
  const names = Object.entries<Json>(steps).map(([name, { stepName, passed, skipped }]) =>
    name === stepName && passed && !skipped ? name : ""
  );
  assert.deepEqual(names.sort(), [
    "audienceValidation",
    "celEvaluation",
    "cidrCheck",
    "issuerMatch",
    "jwtDecode",
    "signatureValidation",
    "subjectValidation",
    "tokenFreshness",
  ]);
  assert.deepEqual(
    [steps.issuerMatch.expected, steps.audienceValidation.actual, steps.cidrCheck.actual],
    [issuer.url("/gitlab"), audience, "192.0.2.7"],
  );
  const elsewhere = await run({ subjectToken, sourceIp: "198.51.100.1" });
  assert.deepEqual([elsewhere.overallResult, elsewhere.cidrCheck.passed], [false, false]);
  const unmet = await run({
    subjectToken: await issuer.sign("/gitlab", { ...claims, ref_protected: "false" }),
  });
  assert.deepEqual(
    [unmet.celEvaluation.passed, unmet.celEvaluation.actual, unmet.cidrCheck.skipped],
    [false, "false", true],
  );
  const early = await run({ subjectToken: "a.b" });
  assert.deepEqual([early.jwtDecode.skipped, early.issuerMatch.skipped], [false, true]);
  const wrong = await client.post(`${pathOf(trust)}/test`, { subjectToken, sourceIp: "here" });
  assertError(wrong, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: ["sourceIp"] });

  const cel = async (expression: string, claimsJson = JSON.stringify(claims)) =>
    ok(await client.post(TEST_CEL, { expression, claimsJson }));
  const expression = "claims.ref == 'main'";
  assert.deepEqual(await cel(expression), { expression, matched: true, error: "" });
  assert.equal((await cel("claims.ref == 'dev'")).matched, false);
  assert.match((await cel("claims.nothing == 1")).error, /nothing/);
  assert.match((await cel("claims.ref ==")).error, /not a CEL condition/);
  for (const claimsJson of ["", "[]", "{", `{"a":"${"x".repeat(20_000)}"}`]) {
    const answer = await client.post(TEST_CEL, { expression, claimsJson });
    assertError(answer, "INVALID_ARGUMENT", "INVALID_FIELD", { fields: ["claimsJson"] });
  }
}

/** Each way in which the keys of an issuer cannot be read, or are not its own. */
async function keys(stage: Stage): Promise<void> {
  const { client, issuer, audience } = stage;
  const reasonFor = async (path: string, document?: Json) => {
    if (document !== undefined) issuer.documents.set(path, document);
    const { id } = await createProvider(stage, path, "CUSTOM");
    const trust = await createTrust(stage, id);
    const key = await issuerKey("k", "ES256");
    const token = await issuer.sign(path, githubClaims(audience), key);
    assertRefused(await present(stage, trust, token));
    await assertRecorded(stage, trust, "keys_unavailable");
    const { signatureValidation } = ok(
      await client.post(`${pathOf(trust)}/test`, { subjectToken: token }),
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

Deno.test("workloads exchange their tokens for access tokens", async (t) => {
  await using directory = await makeTempDir();
  await using issuer = new TokenIssuer();
  const caFile = join(directory.path, "ca.pem");
  await Deno.writeTextFile(caFile, CA);
  const flags = [
    ...["--egress-ca", caFile, "--egress-allow-private", "127.0.0.0/8,::1"],
    ...["--token-rate", "1000", "--trusted-proxies", "127.0.0.0/8"],
  ];
  await using server = await TestServer.start({ flags });
  const client = await server.client();
  const { principleId: principalId } = ok(await client.get("/api/v1/auth/introspect"));
  const audience = new URL(server.url).hostname;
  const stranger = new Client(server.url, undefined);
  const stage: Stage = { server, client, stranger, issuer, principalId, audience };
  const steps = { providers, trusts, exchanges, refusals, principals, tests, keys };
  for (const [name, step] of Object.entries(steps)) await t.step(name, () => step(stage));
});
