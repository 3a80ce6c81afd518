/** The tokens and proofs of the client of tenants, and the connections that it makes. */
import assert from "node:assert/strict";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { tenantTransport } from "../../src/tenants/client.ts";
import { TENANT_CONNECTIONS_MAX, TenantConnections } from "../../src/tenants/connections.ts";
import { TenantTransports } from "../../src/tenants/transports.ts";
import { CA } from "../egress/certificates.ts";
import { atOnce } from "../support/at_once.ts";
import { certificateFor } from "../support/certificates.ts";
import type { Json } from "../support/client.ts";
import { makeTempDir } from "../support/invoked.ts";
import { failure, LOOPBACK, NEVER, READ, suite, WRITE } from "./calls_stage.ts";
import { HostileTenant, json } from "./calls_tenant.ts";

suite("a client signs an assertion as C1 wants it, and sends requests with the token", {
  "the request is what was asked for": async ({ tenant, send }) => {
    tenant.api = (_request, response) => json(response, 200, { list: [{ id: "1" }] });
    const answer = await send(WRITE);
    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(answer.body), { list: [{ id: "1" }] });
    const [received] = tenant.received;
    assert.deepEqual([received?.verb, received?.path, received?.body], [
      "POST",
      "/api/v1/task/grant",
      '{"appId":"1"}',
    ]);
    assert.equal(received?.headers["host"], tenant.host);
    assert.equal(received?.headers["accept-encoding"], "identity");
    assert.equal(received?.headers["content-type"], "application/json");
    assert.equal(received?.headers["authorization"], `Bearer ${tenant.tokens.at(-1)}`);
  },
  "errors of C1 are passed on": async ({ tenant, send }) => {
    const body = { code: 5, message: "app not found", details: [] };
    tenant.api = (_request, response) => json(response, 404, body);
    const answer = await send();
    assert.deepEqual([answer.status, JSON.parse(answer.body)], [404, body]);
  },
  "one token serves concurrent and later requests": async ({ tenant, connections }) => {
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    await atOnce(20, () => client.send(READ, NEVER));
    await client.send(WRITE, NEVER);
    assert.deepEqual([tenant.tokenRequests.length, tenant.received.length], [1, 21]);
  },
  "as many requests as connections reach the tenant at a time": async (
    { tenant, connections },
  ) => {
    const open = Promise.withResolvers<void>();
    let most = 0, inFlight = 0;
    tenant.api = async (_request, response) => {
      most = Math.max(most, ++inFlight);
      if (inFlight === TENANT_CONNECTIONS_MAX) open.resolve();
      await open.promise;
      inFlight--;
      json(response, 200, {});
    };
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    const requests = Array.from({ length: 100 }, (_, at) => at % 2 === 0 ? READ : WRITE);
    await Promise.all(
      requests.map((request, at) => client.send(request, NEVER, { caller: `function-${at}` })),
    );
    assert.deepEqual([most, tenant.received.length], [TENANT_CONNECTIONS_MAX, 100]);
  },
  "a token is renewed after half of its lifetime": async ({ tenant, connections }) => {
    tenant.token = (_request, response) => json(response, 200, tenant.grant({ expires_in: 0.001 }));
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    await client.send(READ, NEVER);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await client.send(READ, NEVER);
    assert.equal(tenant.tokenRequests.length, 2);
  },
  "a token that was revoked is replaced once, also for a write": async (
    { tenant, connections },
  ) => {
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    await client.send(READ, NEVER);
    for (const token of tenant.tokens) tenant.revoked.add(token);
    assert.equal((await client.send(WRITE, NEVER)).status, 200);
    assert.deepEqual([tenant.tokenRequests.length, tenant.received.length], [2, 3]);
    tenant.token = (_request, response) => {
      const granted = tenant.grant();
      tenant.revoked.add(granted.access_token);
      json(response, 200, granted);
    };
    for (const token of tenant.tokens) tenant.revoked.add(token);
    const answer = await client.send(READ, NEVER);
    assert.deepEqual([answer.status, tenant.tokenRequests.length], [401, 3]);
  },
  "an old token is used while the token endpoint is away": async ({ tenant, connections }) => {
    tenant.token = (_request, response) => json(response, 200, tenant.grant({ expires_in: 2_000 }));
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    await client.send(READ, NEVER);
    tenant.token = (_request, response) => void response.socket?.destroy();
    assert.equal((await client.send(READ, NEVER)).status, 200);
  },
});

suite("a client proves its key if the tenant asks for DPoP", {
  "with a proof for each request, and the tenant's nonces": async ({ tenant, connections }) => {
    tenant.token = ({ headers }, response) => {
      const { dpop } = headers;
      if (dpop === undefined) return json(response, 400, { error: "invalid_dpop_proof" });
      if (decodeJwt(dpop).nonce !== "token-nonce") {
        return json(response, 400, { error: "use_dpop_nonce" }, { "DPoP-Nonce": "token-nonce" });
      }
      const { htm, htu, ath } = decodeJwt(dpop);
      assert.deepEqual([htm, htu, ath], [
        "POST",
        `https://${tenant.host}/auth/v1/token`,
        undefined,
      ]);
      json(response, 200, tenant.grant({ token_type: "DPoP" }));
    };
    tenant.api = ({ headers, verb }, response) => {
      const { htm, htu, ath, nonce } = decodeJwt(headers.dpop ?? "");
      const { alg, typ, jwk } = decodeProtectedHeader(headers.dpop ?? "") as Json;
      assert.deepEqual([alg, typ, jwk.d, typeof ath], ["ES256", "dpop+jwt", undefined, "string"]);
      if (nonce !== "api-nonce") {
        return json(response, 401, { code: 16 }, {
          "DPoP-Nonce": "api-nonce",
          "WWW-Authenticate": 'DPoP error="use_dpop_nonce"',
        });
      }
      json(response, 200, { proved: [htm, htu, verb] });
    };
    const client = tenantTransport(tenant.credentials, connections.to(tenant.host));
    for (const request of [READ, WRITE]) {
      const { status, body } = await client.send(request, NEVER);
      const [path] = request.path.split("?");
      assert.equal(status, 200);
      assert.deepEqual(JSON.parse(body), {
        proved: [request.verb, `https://${tenant.host}${path}`, request.verb],
      });
    }
    assert.deepEqual([tenant.tokenRequests.length, tenant.received.length], [3, 3]);
    assert.match(tenant.received[0]?.headers.authorization ?? "", /^DPoP /);
  },
  "a tenant that asks for ever gets an error": async ({ tenant, fails }) => {
    tenant.token = (_request, response) => json(response, 400, { error: "use_dpop_nonce" });
    const error = await fails();
    assert.equal(error.code, "TENANT_BAD_ANSWER");
    assert.equal(
      error.message,
      "sdk.apps.list: no access token: the token endpoint answered use_dpop_nonce",
    );
    tenant.token = (_request, response) =>
      json(response, 200, tenant.grant({ token_type: "DPoP" }));
    assert.match((await fails()).message, /answered a token of type DPoP without a proof$/);
  },
});

Deno.test("the calls of all functions share the token of a credential", async () => {
  await using tenant = await HostileTenant.start();
  const paths: string[] = [];
  using transports = new TenantTransports({
    egress: { allowPrivate: LOOPBACK, ca: CA },
    async example() {
      const answer = async (request: Request) => {
        const { pathname } = new URL(request.url);
        paths.push(`${request.method} ${pathname}`);
        const token = { access_token: "example", token_type: "Bearer", expires_in: 60 };
        return await Promise.resolve(
          Response.json(pathname === "/auth/v1/token" ? token : { list: [] }),
        );
      };
      return await Promise.resolve({
        answer,
        credentials: { ...tenant.credentials, host: "example" },
      });
    },
  });
  const opened = { ...tenant.credentials, isExample: false };
  await transports.of(opened).send(READ, NEVER);
  await transports.of({ ...opened }).send(READ, NEVER);
  assert.equal(tenant.tokenRequests.length, 1);
  // A rotated credential gets no token of the one before.
  await assert.rejects(transports.of({ ...opened, clientSecret: "other" }).send(READ, NEVER), {
    code: "TENANT_CREDENTIAL_REJECTED",
  });
  const example = await transports.of({ ...opened, isExample: true }).send(READ, NEVER);
  assert.deepEqual(JSON.parse(example.body), { list: [] });
  assert.deepEqual(paths, ["POST /auth/v1/token", "GET /api/v1/apps"]);
  assert.deepEqual([tenant.tokenRequests.length, tenant.received.length], [1, 2]);
});

Deno.test("a tenant that cannot be reached safely gets no request", async (t) => {
  await using directory = await makeTempDir();
  const files = await certificateFor(directory.path, ["127.0.0.1", "localhost"]);
  const [cert, key] = await Promise.all([
    Deno.readTextFile(files.certFile),
    Deno.readTextFile(files.keyFile),
  ]);
  await using foreign = await HostileTenant.start({ cert, key });
  await using tenant = await HostileTenant.start();
  const { credentials } = tenant;
  const fails = async (host: string, allowPrivate: readonly string[], ca: string | undefined) => {
    using connections = new TenantConnections({ allowPrivate, ca });
    const client = tenantTransport({ ...credentials, host }, connections.to(host));
    return await failure(() => client.send(READ, NEVER));
  };
  await t.step("with a certificate of somebody else", async () => {
    const { code, message } = await fails(foreign.host, LOOPBACK, CA);
    assert.equal(code, "TENANT_UNREACHABLE");
    assert.match(message, /^sdk\.apps\.list: no access token: no connection: TLS: /);
  });
  await t.step("at a private address that the operator does not allow", async () => {
    const { code, message } = await fails(tenant.host, [], CA);
    assert.equal(code, "TENANT_UNREACHABLE");
    assert.match(message, /is not public but loopback \(--egress-allow-private\)$/);
  });
  await t.step("where nobody listens", async () => {
    await tenant[Symbol.asyncDispose]();
    const { code, message } = await fails(credentials.host, LOOPBACK, CA);
    assert.equal(code, "TENANT_UNREACHABLE");
    assert.match(message, /no connection could be made \(ECONNREFUSED\)$/);
  });
  assert.deepEqual([foreign.tokenRequests, tenant.tokenRequests], [[], []]);
});

suite("an answer shows neither the token nor the client secret", {
  "in whatever form the tenant echoes them": async ({ tenant, send }) => {
    const jwk = atob(tenant.clientSecret.split(":")[3] ?? "");
    const key: string = JSON.parse(jwk).d;
    let texts: string[] = [];
    tenant.api = ({ headers }, response) => {
      const token = (headers.authorization ?? "").replace("Bearer ", "");
      texts = [token, tenant.clientSecret, key].flatMap((secret) => [
        secret,
        encodeURIComponent(secret),
        btoa(`x${secret}y`),
        btoa(`xx${secret}y`),
        btoa(secret).replaceAll("=", ""),
      ]);
      const escaped = Array.from(
        token,
        (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"),
      ).join("");
      response.writeHead(200, { "content-type": `application/json; x="${token}"` });
      response.end(`{"echoes":${JSON.stringify(texts)},"escaped":"${escaped}","${token}":1}`);
    };
    const { body, headers } = await send();
    const seen = body + JSON.stringify(JSON.parse(body)) + JSON.stringify(headers);
    const token = tenant.tokens.at(-1) ?? "";
    for (const secret of [token, tenant.clientSecret, key]) {
      assert.equal(seen.includes(secret), false, body);
    }
    for (const text of texts) assert.equal(seen.includes(text), false, text);
    assert.equal(JSON.parse(body).escaped, "***");
  },
  "in errors": async ({ tenant, send, fails }) => {
    tenant.api = ({ headers }, response) =>
      json(response, 403, { code: 7, message: `no rights: ${headers.authorization}`, details: [] });
    assert.equal(JSON.parse((await send()).body).message, "no rights: Bearer ***");
    tenant.api = ({ headers }, response) =>
      void response.writeHead(200, { "content-type": `text/${headers.authorization}` }).end();
    assert.match((await fails()).message, /answered text\/Bearer \*\*\* instead of JSON/);
    tenant.token = (_request, response) =>
      json(response, 401, { error: "invalid_client", error_description: tenant.clientSecret });
    assert.match((await fails()).message, /: invalid_client: \*\*\*/);
  },
});
