/** What clients and verifiers of access tokens find out by themselves. */
import assert from "node:assert/strict";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import {
  allowInsecureRequests,
  clientCredentialsGrant,
  ClientSecretPost,
  discovery,
  fetchProtectedResource,
  getDPoPHandle,
  randomDPoPKeyPair,
} from "openid-client";
import { Client } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";

const WELL_KNOWN = "/.well-known";
const RESOURCE = `${WELL_KNOWN}/oauth-protected-resource`;
const FUNCTIONS = "/api/v1/functions";

sharedSuite("discovery", {
  "openid-client finds the server by its URL, and gets a token that verifies": async (
    { server, client },
  ) => {
    const { clientId, clientSecret } = await server.credentials();
    const config = await discovery(
      new URL(server.url),
      clientId,
      {},
      ClientSecretPost(clientSecret),
      { algorithm: "oauth2", execute: [allowInsecureRequests] },
    );
    const metadata = config.serverMetadata();
    assert.equal(metadata.issuer, server.url);
    assert.equal(metadata.token_endpoint, `${server.url}/auth/v1/token`);
    assert.equal(
      metadata.device_authorization_endpoint,
      `${server.url}/auth/v1/device_authorization`,
    );
    assert.equal(metadata.introspection_endpoint, undefined);
    assert.equal(metadata.authorization_endpoint, undefined);
    const { access_token: token } = await clientCredentialsGrant(config);
    ok(await new Client(client.url, token).get(FUNCTIONS));
    const keys = createRemoteJWKSet(new URL(metadata.jwks_uri ?? ""));
    const { payload } = await jwtVerify(token, keys, {
      issuer: metadata.issuer,
      audience: server.url,
      typ: "at+jwt",
      algorithms: ["EdDSA"],
    });
    assert.equal(payload["client_id"], clientId);
  },

  "openid-client binds its token to a key, where the metadata says how": async (
    { server, client },
  ) => {
    const { clientId, clientSecret } = await server.credentials();
    const config = await discovery(
      new URL(server.url),
      clientId,
      {},
      ClientSecretPost(clientSecret),
      { algorithm: "oauth2", execute: [allowInsecureRequests] },
    );
    const algorithms = config.serverMetadata().dpop_signing_alg_values_supported ?? [];
    assert.ok(algorithms.includes("ES256"));
    const DPoP = getDPoPHandle(config, await randomDPoPKeyPair("ES256"));
    const { access_token: token, token_type: type } = await clientCredentialsGrant(
      config,
      {},
      { DPoP },
    );
    assert.equal(type, "dpop");
    const url = new URL(`${FUNCTIONS}?page_size=1`, client.url);
    const answer = await fetchProtectedResource(config, token, url, "GET", null, undefined, {
      DPoP,
    });
    assert.equal(answer.status, 200);
  },

  "both key sets have the same public keys": async ({ client }) => {
    const anonymous = new Client(client.url, undefined);
    const first = await anonymous.get(`${WELL_KNOWN}/jwks.json`);
    assert.deepEqual(ok(await anonymous.get("/auth/v1/jwks")), ok(first));
    for (const key of first.body.keys) {
      const { kid, x, ...others } = key;
      assert.match(kid, /^[0-9A-Za-z]{27}$/);
      assert.equal(Uint8Array.fromBase64(x, { alphabet: "base64url" }).length, 32);
      assert.deepEqual(others, { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" });
    }
  },

  "every document may be kept for a while, and read by pages of any origin": async ({ client }) => {
    const anonymous = new Client(client.url, undefined);
    const paths = [`${WELL_KNOWN}/oauth-authorization-server`, RESOURCE, `${RESOURCE}${FUNCTIONS}`]
      .concat(`${WELL_KNOWN}/jwks.json`, "/auth/v1/jwks");
    for (const path of paths) {
      const { headers, status } = await anonymous.get(path, { origin: "https://other.example" });
      assert.equal(status, 200, path);
      assert.match(headers.get("cache-control") ?? "", /^public, max-age=(?:60|300)$/, path);
      assert.equal(headers.get("access-control-allow-origin"), "*", path);
      assert.equal(headers.get("content-type"), "application/json", path);
    }
  },

  "a rejected request names the document of its URL": async ({ client }) => {
    const anonymous = new Client(client.url, undefined);
    const token = `${client.token}x`;
    const rejected = [
      await anonymous.get(`${FUNCTIONS}?page_size=1`),
      await anonymous.get("/preview/a%20b/c/"),
      await new Client(client.url, token).get(FUNCTIONS),
      await anonymous.post("/auth/v1/session_links", {}),
    ];
    const resources = [FUNCTIONS, "/preview/a%20b/c/", FUNCTIONS, "/auth/v1/session_links"];
    for (const [at, { status, headers }] of rejected.entries()) {
      assert.equal(status, 401);
      const challenge = headers.get("www-authenticate") ?? "";
      const [, url = ""] =
        /^Bearer realm="invoked".*, resource_metadata="([^"]+)"(?:, DPoP algs="ES256 [^"]+")?$/
          .exec(challenge) ?? [];
      const { resource, authorization_servers: servers } = ok(await anonymous.get(url));
      assert.equal(resource, client.url + resources[at]);
      assert.deepEqual(servers, [client.url]);
    }
    const webhook = await anonymous.post("/api/v1/webhooks/incoming/x/t/secret", {});
    assert.equal(webhook.headers.get("www-authenticate")?.includes("resource_metadata"), false);
    const { resource } = ok(await anonymous.get(RESOURCE));
    assert.equal(resource, client.url);
    assert.equal(decodeJwt(client.token ?? "").iss, resource);
  },

  "no document describes what does not exist": async ({ client }) => {
    const anonymous = new Client(client.url, undefined);
    const paths = [`${WELL_KNOWN}/openid-configuration`, `${RESOURCE}/docs`, `${RESOURCE}/apis`]
      .concat(`${RESOURCE}/`, `${RESOURCE}/auth/v1/token`, `${RESOURCE}/auth/v1/session`)
      .concat(`${RESOURCE}/api/v1/webhooks/incoming/x`);
    for (const path of paths) assertError(await anonymous.get(path), "ENDPOINT_NOT_FOUND");
  },
});
