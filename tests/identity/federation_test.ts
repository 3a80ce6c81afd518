/** Workload federation: providers, trusts, and tokens of workloads for access tokens. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { CA } from "../egress/certificates.ts";
import { type Answer, Client, type Json } from "../support/client.ts";
import { assertError, assertInvalid, ok } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import {
  assertRecorded,
  assertRejected,
  CONDITION,
  createProvider,
  createTrust,
  newTester,
  pathOf,
  present,
  PRINCIPALS,
  PROVIDERS,
  type Stage,
  trustsOf,
  VIEWER,
  WELL_KNOWN,
} from "./federation.ts";
import { makePrincipal, signIn } from "./principals.ts";
import { exchanges, floods, keys, rejections } from "./federation_tokens.ts";
import { githubClaims, gitlabClaims, issuerKey, TokenIssuer } from "./token_issuer.ts";

const SEARCH = "/api/v1/search/workload_federation_trusts";
const TEST_CEL = "/api/v1/workload_federation/test-cel";

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
  ];
  for (const [change, field] of wrong) {
    assertInvalid(await client.post(PROVIDERS, { ...body, ...change }), field);
  }
  const spiffe = {
    ...body,
    wellKnownProvider: `${WELL_KNOWN}_SPIFFE`,
    issuerUrl: "spiffe://prod.example.com",
    oidc: undefined,
  };
  for (const settings of [spiffe, { ...body, spiffe: { bundleEndpointUrl: "https://a/b" } }]) {
    assertError(await client.post(PROVIDERS, settings), "SPIFFE_NOT_SUPPORTED", /OpenID Connect/);
  }
  // C1's TypeScript SDK has no settings to send.
  const { provider } = ok(await client.post(PROVIDERS, { ...body, oidc: undefined }));
  const { id, createdAt, updatedAt, ...rest } = provider;
  assert.deepEqual(rest, { ...body, description: "", disabled: false });
  assert.match(id, /^[0-9A-Za-z]{27}$/);
  assert.equal(createdAt, updatedAt);
  assert.deepEqual(ok(await client.get(`${PROVIDERS}/${id}`)), { provider });
  assert.deepEqual(ok(await client.get(PROVIDERS)).list[0], provider);
  assertError(
    await client.post(PROVIDERS, body),
    "PROVIDER_ALREADY_EXISTS",
    new RegExp(`GitHub \\(${id}\\) has the issuer`),
  );
  const change = { provider: { displayName: "GH", description: "x", issuerUrl: "https://evil" } };
  const changed = ok(await client.call("PATCH", `${PROVIDERS}/${id}`, change)).provider;
  assert.deepEqual([changed.displayName, changed.issuerUrl], ["GH", body.issuerUrl]);
  const masked = { ...change, updateMask: "issuerUrl" };
  assertInvalid(await client.call("PATCH", `${PROVIDERS}/${id}`, masked), "updateMask");
  const trust = await createTrust(stage, id, { displayName: "a" });
  const inUse = await client.call("DELETE", `${PROVIDERS}/${id}`);
  assertError(
    inUse,
    "PROVIDER_IN_USE",
    new RegExp(`trusts: a \\(${trust.clientId}\\); delete these first`),
  );
  ok(await client.call("DELETE", pathOf(trust)));
  ok(await client.call("DELETE", `${PROVIDERS}/${id}`));
  assertError(await client.get(`${PROVIDERS}/${id}`), "PROVIDER_NOT_FOUND");
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
    assertInvalid(await client.post(trustsOf(principalId), { ...settings, ...change }), field);
  }
  assertError(await client.post(trustsOf("nobody"), settings), "PRINCIPAL_NOT_FOUND");
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
  // C1's Go SDK sends the slash of the client id as it is.
  const plain = `${trustsOf(principalId)}/${clientId}`;
  assert.deepEqual(ok(await client.get(plain)), { trust });
  ok(await client.call("PATCH", plain, { trust: { displayName: "plain" } }));
  ok(await client.call("PATCH", plain, { trust: { displayName: "main" } }));
  ok(await client.post(`${plain}/test`, { subjectToken: "x" }));
  assertError(await client.get(`${plain}/wfe`), "ENDPOINT_NOT_FOUND");
  const other = pathOf({ servicePrincipalId: "x", clientId });
  assertError(await client.get(other), "TRUST_NOT_FOUND");

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
  assertInvalid(await client.call("PATCH", pathOf(trust), worse), "trust.conditionExpression");
  ok(await client.call("DELETE", plain));
  for (const method of ["GET", "DELETE"]) {
    assertError(await client.call(method, pathOf(trust)), "TRUST_NOT_FOUND");
  }
  ok(await client.call("DELETE", `${PROVIDERS}/${providerId}`));
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
  const link = await workload.post("/auth/v1/session_links", {});
  assertError(link, "ROLE_MISSING", /begin no sessions/);
  const made = await workload.post("/api/v1/iam/personal_clients", { displayName: "lasting" });
  assertError(made, "ROLE_MISSING", /outlive its token/);

  // Who may manage trusts but lacks the rights of a principal lets nobody act as the principal.
  const service = "c1.api.workload_federation.v1.WorkloadFederationService";
  const permissions = ["CreateTrust", "UpdateTrust", "DeleteTrust", "UpdateProvider"]
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
  const denied = (answer: Answer<Json>) => assertError(answer, "ROLE_MISSING", /rights that/);
  denied(await manager.post(trustsOf(principalId), settings));
  denied(await manager.post(trustsOf(principalId), { ...settings, scopedRoleIds: [role.id] }));
  denied(await manager.call("PATCH", pathOf(trust), { trust: { conditionExpression: "true" } }));
  denied(await manager.call("DELETE", pathOf(trust)));
  const setProvider = (by: Client, provider: Json) =>
    by.call("PATCH", `${PROVIDERS}/${providerId}`, { provider });
  denied(await setProvider(manager, { disabled: true }));
  ok(await setProvider(manager, { description: "of the manager", disabled: false }));
  ok(await setProvider(client, { disabled: true }));
  denied(await setProvider(manager, { disabled: false }));
  ok(await setProvider(client, { disabled: false }));
  const own = ok(await manager.post(trustsOf(managerId), settings)).trust;
  denied(await manager.call("PATCH", pathOf(own), { trust: { scopedRoleIds: [VIEWER] } }));
  ok(await manager.call("PATCH", pathOf(own), { trust: { conditionExpression: "true" } }));

  ok(
    await client.call("PATCH", `${PRINCIPALS}/${principalId}`, {
      servicePrincipal: { disabled: true },
    }),
  );
  assertRejected(await present(stage, trust, token));
  await assertRecorded(stage, trust, "sp_disabled");
  assertError(await workload.get("/api/v1/functions"), "TOKEN_INVALID");
  // The trusts of a principal end with the principal, and no longer hold their provider.
  ok(await client.call("DELETE", `${PRINCIPALS}/${principalId}`));
  assertRejected(await present(stage, trust, token));
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
  const first = await newTester(stage);
  const run = async (body: Json) => ok(await first.post(`${pathOf(trust)}/test`, body));
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
  assertInvalid(wrong, "sourceIp");

  const second = await newTester(stage);
  const cel = async (expression: string, claimsJson = JSON.stringify(claims)) =>
    ok(await second.post(TEST_CEL, { expression, claimsJson }));
  const expression = "claims.ref == 'main'";
  assert.deepEqual(await cel(expression), { expression, matched: true, error: "" });
  assert.equal((await cel("claims.ref == 'dev'")).matched, false);
  assert.match((await cel("claims.nothing == 1")).error, /nothing/);
  assert.match((await cel("claims.ref ==")).error, /not a CEL condition/);
  for (const claimsJson of ["", "[]", "{", `{"a":"${"x".repeat(20_000)}"}`]) {
    assertInvalid(await client.post(TEST_CEL, { expression, claimsJson }), "claimsJson");
  }

  // For the principal, not for its client.
  const many = await makePrincipal(client, "many", [VIEWER]);
  const clients = [(await signIn(client, many)).as, (await signIn(client, many)).as];
  const body = { expression, claimsJson: "{}" };
  const answers = await Promise.all(
    clients.flatMap((by) => Array(30).fill(by)).map((by) => by.post(TEST_CEL, body)),
  );
  const limited = answers.find(({ status }) => status === 429) ?? assert.fail("none is limited");
  assertError(
    limited,
    "RATE_LIMITED",
    /this principal may run 5 tests at once, then 1 test per second/,
  );
  assert.match(limited.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  ok(await (await newTester(stage)).post(TEST_CEL, body));
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
  const steps = { providers, trusts, exchanges, rejections, principals, tests, keys, floods };
  for (const [name, step] of Object.entries(steps)) await t.step(name, () => step(stage));
});
