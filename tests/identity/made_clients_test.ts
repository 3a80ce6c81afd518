/** What a client may do follows from its maker: nobody makes a client with more rights than they have. */
import assert from "node:assert/strict";
import { Client, type Json } from "../support/client.ts";
import { assertError, assertInvalid, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import {
  INTROSPECT,
  makeCredential,
  makePrincipal,
  ownId,
  PRINCIPALS,
  setRolesOf,
  signIn,
} from "./principals.ts";
import { approvedDevice, ask, decide, INVOKED, poll } from "./devices.ts";
import { boundToken, newProofs, requestToken } from "./proofs.ts";
import { signIn as signInBrowser } from "./sessions.ts";
import { CLIENTS, login, make, proven, set, VIEWER } from "./own_clients.ts";

sharedSuite("clients of limited makers", {
  "neither get nor change more than their maker has": async ({ client }) => {
    const made = await make(client, { displayName: "viewer", scopedRoles: [VIEWER] });
    const viewer = await login(client, made);
    const narrowed = ok(await viewer.post(CLIENTS, { displayName: "by a viewer" })).client;
    assert.deepEqual(narrowed.scopedRoles, [VIEWER]);
    const whole = await make(client, { displayName: "whole" });
    for (
      const answer of [
        await viewer.post(CLIENTS, { displayName: "x", scopedRoles: ["system:owner"] }),
        await viewer.post(`${CLIENTS}/${narrowed.id}`, {
          client: { scopedRoles: ["system:owner"] },
        }),
        await viewer.call("DELETE", `${CLIENTS}/${whole.id}`),
        await set(viewer, whole, { disabled: true }),
      ]
    ) assertError(answer, "ROLE_MISSING");
    ok(await viewer.call("DELETE", `${CLIENTS}/${narrowed.id}`));
    ok(await client.get(`${CLIENTS}/${whole.id}`));
  },

  "stay cut when their principal gets further roles": async ({ client }) => {
    const principal = await makePrincipal(client, "growing", [VIEWER]);
    const { as } = await signIn(client, principal, { scopedRoles: [VIEWER] });
    const made = await make(as, { displayName: "child" });
    const child = await login(client, made);
    const wider = await as.post(CLIENTS, { displayName: "x", scopedRoles: ["system:owner"] });
    assertError(wider, "ROLE_MISSING");
    await setRolesOf(client, principal, ["system:owner"]);
    assert.deepEqual(made.answer.client.scopedRoles, [VIEWER]);
    assertError(await child.post("/api/v1/functions", { displayName: "x" }), "ROLE_MISSING");
    // A role of the credential that exceeds its principal may be named.
    const small = await makePrincipal(client, "small", [VIEWER]);
    const { as: exceeding } = await signIn(client, small, { scopedRoles: ["system:owner"] });
    const named = await make(exceeding, { displayName: "y", scopedRoles: ["system:owner"] });
    assert.equal(named.answer.client.scopedRoles.length, 1);
  },

  "of a device get no more than its approver may give when they are made": async ({ client }) => {
    const { url } = client;
    const approver = await make(client, { displayName: "approver" });
    const cookie = await signInBrowser(await login(client, approver));
    const before = await approvedDevice(url, cookie);
    const [named, all] = [
      ok(await ask(url, { client_id: INVOKED, scope: "system:owner" })),
      ok(await ask(url)),
    ];
    for (const { user_code } of [named, all]) ok(await decide(url, "approve", user_code, cookie));
    ok(await set(client, approver, { scopedRoles: [VIEWER] }));
    // Approved and redeemed before, approved before, and approved before for rights that the approver has lost.
    const later = new Client(url, ok(await poll(url, all.device_code)).access_token);
    for (const device of [before, later]) {
      const made = ok(await device.post(CLIENTS, { displayName: "of a device" }));
      assert.deepEqual(made.client.scopedRoles, [VIEWER]);
      const wider = await device.post(CLIENTS, { displayName: "x", scopedRoles: ["system:owner"] });
      assertError(wider, "ROLE_MISSING");
    }
    const { client_id } = JSON.parse(atob(later.token?.split(".")[1] ?? ""));
    const { list } = ok(await client.get(`${CLIENTS}?page_size=100`));
    const redeemed = list.find(({ clientId }: Json) => clientId === client_id);
    assert.deepEqual(redeemed?.scopedRoles, [VIEWER], "the device itself is cut");
    for (let n = 0; n < 2; n++) {
      const { status, body } = await poll(url, named.device_code);
      assert.deepEqual([status, body.error], [400, "access_denied"]);
      assert.match(body.error_description, /^approver may not give these roles/);
    }
  },

  "neither outlive their maker nor leave its networks and proofs": async ({ client }) => {
    const owner = await ownId(client);
    const soon = { expires: "600s", allowSourceCidrs: ["127.0.0.0/8", "10.1.0.0/16"] };
    const { as, credential } = await signIn(client, owner, soon);
    const made = await make(as, { displayName: "child" });
    const { allowSourceCidr, expiresTime } = made.answer.client;
    assert.equal(expiresTime, credential.expiresAt);
    assert.deepEqual(allowSourceCidr, credential.allowSourceCidrs);
    const narrow = { displayName: "narrow", allowSourceCidr: ["127.0.0.0/16"], expires: "60s" };
    const { client: narrower } = (await make(as, narrow)).answer;
    assert.deepEqual(narrower.allowSourceCidr, ["127.0.0.0/16"]);
    assert.ok(Date.parse(narrower.expiresTime) < Date.parse(credential.expiresAt));
    for (const wide of ["126.0.0.0/7", "10.2.0.0/16", "::/0", "0.0.0.0/0"]) {
      const outside = { allowSourceCidr: ["127.0.0.1", wide] };
      const message = /is not within the networks of the client/;
      const fields = (prefix: string) => ({ fields: [`${prefix}allowSourceCidr[1]`], message });
      const spec = { displayName: "wide", ...outside };
      assertError(await as.post(CLIENTS, spec), "INVALID_FIELD", fields(""));
      assertError(await set(as, made, outside), "INVALID_FIELD", fields("client."));
    }
    const reset = ok(await set(as, made, { allowSourceCidr: [] }, "allowSourceCidr"));
    assert.deepEqual(reset.client.allowSourceCidr, credential.allowSourceCidrs);
    ok(await set(client, made, { allowSourceCidr: [] }, "allowSourceCidr"));
    // An API key is no way around these limits, either.
    const key = await makeCredential(client, owner, { ...soon, kind: "CREDENTIAL_KIND_API_KEY" });
    const ofKey = await make(new Client(client.url, key.clientSecret), { displayName: "of key" });
    assert.equal(ofKey.answer.client.expiresTime, key.credential.expiresAt);

    // A token that is bound to a key makes clients that need proofs, whether its own credential needs them or not.
    const proofs = await newProofs();
    for (const requireDpop of [true, false]) {
      const bound = await makeCredential(client, owner, { requireDpop });
      const { clientId } = bound.credential;
      const token = await boundToken(client.url, { ...bound, clientId }, proofs);
      const ofBound = ok(
        await new Client(client.url, undefined).post(CLIENTS, { displayName: "bound" }, {
          authorization: `DPoP ${token}`,
          dpop: await proofs.prove("POST", `${client.url}${CLIENTS}`, token),
        }),
      );
      const { clientSecret } = ofBound;
      const credentials = { clientId: ofBound.client.clientId, clientSecret };
      const bearer = await requestToken(client.url, credentials);
      assert.deepEqual([bearer.status, bearer.body.error], [400, "invalid_dpop_proof"]);
      ok(
        await new Client(client.url, undefined).get(INTROSPECT, {
          ...await proven(client.url, await boundToken(client.url, credentials, proofs), proofs),
        }),
      );
    }
  },

  "keep the key of their maker's token, which makes no credential of its principal without proofs":
    async ({ client }) => {
      const { url } = client;
      const principal = await makePrincipal(client, "keyed", ["system:owner"]);
      const { credential, clientSecret } = await makeCredential(client, principal);
      const proofs = await newProofs();
      const token = await boundToken(url, { ...credential, clientSecret }, proofs);
      const call = async (method: string, path: string, body: Json) =>
        await new Client(url, undefined).call(method, path, body, {
          authorization: `DPoP ${token}`,
          dpop: await proofs.prove(method, `${url}${path}`, token),
        });
      const trust = { displayName: "t", providerId: "none", conditionExpression: "true" };
      const paths = (
        id: string,
      ) => [`${PRINCIPALS}/${id}/credentials`, `${PRINCIPALS}/${id}/trusts`];
      const [credentials = "", trusts = ""] = paths(principal);
      const change = { trust: { conditionExpression: "true" }, updateMask: "conditionExpression" };
      const rejected = [
        ["POST", credentials, {}, "requireDpop"],
        ["POST", credentials, { kind: "CREDENTIAL_KIND_API_KEY" }, "kind"],
        ["POST", trusts, trust, "servicePrincipalId"],
        ["PATCH", `${trusts}/any`, change, "trust.conditionExpression"],
      ] as const;
      for (const [method, path, body, field] of rejected) {
        const answer = await call(method, path, body);
        const message =
          /bound to a key \(DPoP\), and what it makes for its own principal must need/;
        assertInvalid(answer, field, message);
      }
      const made = ok(await call("POST", credentials, { requireDpop: true }));
      const bearer = await requestToken(url, { ...made.credential, ...made });
      assert.deepEqual([bearer.status, bearer.body.error], [400, "invalid_dpop_proof"]);
      // What a caller makes for other principals is administration, which their rights allow.
      const other = await makePrincipal(client, "administered", [VIEWER]);
      ok(await call("POST", paths(other)[0] ?? "", { kind: "CREDENTIAL_KIND_API_KEY" }));
    },

  "leave what owners made to those who manage credentials": async ({ client }) => {
    const principal = await makePrincipal(client, "siblings", ["functions:developer"]);
    const { as } = await signIn(client, principal);
    const kinds = ["CREDENTIAL_KIND_SECRET", "CREDENTIAL_KIND_API_KEY"];
    for (const kind of kinds) {
      const spec = { kind, allowSourceCidrs: ["10.0.0.0/8"] };
      const { credential } = await makeCredential(client, principal, spec);
      const path = `/api/v1/service_principals/${principal}/credentials/${credential.id}`;
      const disabled = { credential: { disabled: true }, updateMask: "disabled" };
      ok(await client.call("PATCH", path, disabled));
      for (
        const answer of [
          await set(as, credential, { disabled: false }, "disabled"),
          await set(as, credential, { allowSourceCidr: [] }, "allowSourceCidr"),
          await set(as, credential, { displayName: "x", disabled: false }),
          await set(as, credential, { scopedRoles: [] }, "scopedRoles"),
        ]
      ) {
        const message = /UpdateCredential: the operation needs the role system:owner/;
        assertError(answer, "ROLE_MISSING", message);
      }
      const deleted = await as.call("DELETE", `${CLIENTS}/${credential.id}`);
      assertError(deleted, "ROLE_MISSING", /RevokeCredential/);
      ok(await set(as, credential, { displayName: "renamed" }));
      const kept = ok(await client.get(path)).credential;
      assert.deepEqual(
        [kept.displayName, kept.disabled, kept.allowSourceCidrs],
        ["renamed", true, ["10.0.0.0/8"]],
      );
    }
    const own = await make(as, { displayName: "own" });
    ok(await set(as, own, { disabled: true }));
    ok(await as.call("DELETE", `${CLIENTS}/${own.id}`));
    // An owner goes on managing its own credentials here.
    const { credential } = await makeCredential(client, await ownId(client));
    ok(await set(client, credential, { disabled: true }));
    ok(await client.call("DELETE", `${CLIENTS}/${credential.id}`));
  },
});
