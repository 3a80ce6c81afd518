/** The device flow (RFC 8628): what a device asks for, what a person decides, and every rejection. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { added } from "../audit/support.ts";
import { atOnce } from "../support/at_once.ts";
import { type Answer, Client, type Json } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok, RFC3339_UTC } from "../support/expect.ts";
import { serverSuite } from "../support/suite.ts";
import { approvedDevice, ask, CONE, decide, INVOKED, poll } from "./devices.ts";
import { makePrincipal, PRINCIPALS, signIn as principalSignIn } from "./principals.ts";
import { LINKS, ofConsole, signIn } from "./sessions.ts";

const CLIENTS = "/api/v1/iam/personal_clients";
const FUNCTIONS = "/api/v1/functions";
const INTROSPECT = "/api/v1/auth/introspect";
const VIEWER = "000000000000000systemviewer";
const DEVICE_CODE = /^[A-Za-z0-9_-]{43}$/;
const USER_CODE = /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/;

function assertRejected(answer: Answer<Json>, error: string, status = 400): void {
  assert.deepEqual([answer.status, answer.body.error], [status, error], JSON.stringify(answer));
  assert.deepEqual(Object.keys(answer.body), ["error", "error_description"]);
  assert.equal(answer.headers.get("cache-control"), "no-store");
}

function assertNoCode(answer: Answer<Json>): void {
  assertError(answer, "DEVICE_CODE_INVALID");
}

/** The events of the audit log. */
function recordsOf(dataDir: string): Json[] {
  using database = new DatabaseSync(join(dataDir, "invoked.db"), { readOnly: true });
  const rows = database.prepare("select event from audit_events order by seq").all();
  return rows.map(({ event }) => JSON.parse(String(event)));
}

serverSuite("the device flow", {
  flags: ["--token-rate", "0", "--trusted-proxies", "127.0.0.1"],
}, {
  "begins with codes in the form of RFC 8628, which the database does not have": async (
    { server: { url, dataDir } },
  ) => {
    const { device_code, user_code, ...rest } = ok(await ask(url, { client_id: CONE }));
    assert.match(device_code, DEVICE_CODE);
    assert.match(user_code, USER_CODE);
    assert.deepEqual(rest, {
      verification_uri: `${url}/device`,
      verification_uri_complete: `${url}/device?user_code=${user_code}`,
      expires_in: 600,
      interval: 5,
    });
    using database = new DatabaseSync(join(dataDir, "invoked.db"), { readOnly: true });
    const rows = JSON.stringify(database.prepare("select * from device_codes").all());
    assert.match(rows, new RegExp(CONE));
    for (const code of [device_code, user_code, user_code.replace("-", "")]) {
      assert.ok(!rows.includes(code), `${code} is in the database`);
    }
    // Whoever has the database alone cannot try all codes: their hashes need a key.
    const plain = createHash("sha256").update(user_code.replace("-", "")).digest("base64url");
    assert.ok(!rows.includes(plain), "user codes are hashed without a key");
  },

  // First: of many rejections of one address, the audit log only counts the later ones.
  "has every decision and every rejection on record, without codes": async (
    { server: { url, dataDir }, client },
  ) => {
    const cookie = await signIn(client);
    const recorded = recordsOf(dataDir);
    const denied = ok(await ask(url));
    ok(await decide(url, "deny", denied.user_code, cookie));
    assertRejected(await poll(url, denied.device_code), "access_denied");
    assertNoCode(await decide(url, "approve", "BCDF-GHJK", cookie));
    assertRejected(await ask(url, { client_id: "nobody" }), "invalid_client", 401);
    const begun = ok(await ask(url, { client_id: CONE, scope: "system:viewer" }));
    ok(await decide(url, "approve", begun.user_code, cookie));
    ok(await poll(url, begun.device_code, CONE));
    const events = recordsOf(dataDir).slice(recorded.length);
    const of = (operation: string, status: string) =>
      events.filter((event) => event.api?.operation === operation && event.status === status);
    const { principleId } = ok(await client.get(INTROSPECT));
    const [approval, ...others] = of("invoked.DeviceService.Approve", "Success");
    assert.equal(others.length, 0);
    assert.equal(approval.actor.user.uid, principleId);
    assert.deepEqual(approval.resources, [{ type: "device", name: "cone" }]);
    const { device_address, scopedRoles } = approval.unmapped;
    assert.deepEqual([device_address, scopedRoles], ["127.0.0.1", JSON.stringify([VIEWER])]);
    assert.equal(of("invoked.DeviceService.Deny", "Success").length, 1);
    const [guess] = of("invoked.DeviceService.Approve", "Failure");
    assert.equal(guess.status_code, "DEVICE_CODE_INVALID");
    const [made] = of("invoked.AuthService.Token", "Success");
    assert.equal(made.resources[0].type, "credential");
    const codes = events.map((event) => event.status_code);
    for (const code of ["access_denied", "invalid_client"]) assert.ok(codes.includes(code), code);
    const text = JSON.stringify(events);
    for (const secret of [begun.user_code, begun.device_code, denied.user_code, "BCDF-GHJK"]) {
      assert.ok(!text.includes(secret), `${secret} is on record`);
    }
  },

  "rejects clients, scopes and resources that it does not know": async ({ server: { url } }) => {
    assertRejected(await ask(url, {}), "invalid_request");
    for (const client_id of ["nobody", "strange-hydra-12345@127.0.0.1/pcc"]) {
      assertRejected(await ask(url, { client_id }), "invalid_client", 401);
    }
    for (const scope of ["system:root", `viewer ${VIEWER}`, "x".repeat(2_000)]) {
      assertRejected(await ask(url, { client_id: INVOKED, scope }), "invalid_scope");
    }
    const resource = "https://other.example";
    assertRejected(await ask(url, { client_id: INVOKED, resource }), "invalid_target");
    ok(await ask(url, { client_id: INVOKED, scope: "openid profile email", resource: url }));
  },

  "gives a token once somebody has approved, and only once": async (
    { server: { url }, client },
  ) => {
    const cookie = await signIn(client);
    const { device_code, user_code } = ok(await ask(url));
    assertRejected(await poll(url, device_code), "authorization_pending");
    const shown = ok(await decide(url, "find", user_code.toLowerCase().replace("-", " "), cookie));
    const { createdAt, expiresAt, ...device } = shown;
    assert.deepEqual(device, {
      userCode: user_code,
      clientId: INVOKED,
      clientName: "invoked",
      address: "127.0.0.1",
      scopedRoles: [],
    });
    for (const time of [createdAt, expiresAt]) assert.match(time, RFC3339_UTC);
    assert.deepEqual(ok(await decide(url, "approve", user_code, cookie)), {});
    for (const action of ["find", "approve", "deny"] as const) {
      assertNoCode(await decide(url, action, user_code, cookie));
    }
    assertRejected(await poll(url, device_code, CONE), "invalid_grant");
    const answers = await atOnce(6, () => poll(url, device_code));
    const granted = answers.filter(({ status }) => status === 200);
    assert.equal(granted.length, 1, JSON.stringify(answers.map(({ body }) => body)));
    for (const answer of answers) {
      if (answer.status !== 200) assertRejected(answer, "invalid_grant");
    }
    const [{ body }] = granted as [Answer<Json>];
    assert.equal(body.token_type, "Bearer");
    assert.ok(body.expires_in > 3500 && body.expires_in <= 3600, `${body.expires_in}`);
    assertRejected(await poll(url, device_code), "invalid_grant");
  },

  "rejects unknown codes, denied devices, and devices that poll too often": async (
    { server: { url }, client },
  ) => {
    const cookie = await signIn(client);
    const { device_code, user_code } = ok(await ask(url));
    for (const code of ["x", user_code, `${device_code}x`]) {
      assertRejected(await poll(url, code), "invalid_grant");
    }
    assertRejected(await poll(url, ""), "invalid_request");
    assertRejected(await poll(url, device_code, "nobody"), "invalid_client", 401);
    const polls = await atOnce(10, () => poll(url, device_code));
    const errors = new Set(polls.map(({ body }) => body.error));
    assert.deepEqual([...errors].sort(), ["authorization_pending", "slow_down"]);
    ok(await decide(url, "deny", user_code, cookie));
    assertRejected(await poll(url, device_code), "access_denied");
    assertNoCode(await decide(url, "approve", user_code, cookie));
    assertRejected(await poll(url, device_code), "access_denied");
  },

  "ends codes that nobody decides about in time": async ({ server, client }) => {
    const { url, dataDir } = server;
    const cookie = await signIn(client);
    const [late, gone] = [ok(await ask(url)), ok(await ask(url))];
    using database = new DatabaseSync(join(dataDir, "invoked.db"), { timeout: 60_000 });
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
    const rows = database.prepare("select user_code_hash from device_codes order by rowid desc")
      .all() as { user_code_hash: string }[];
    const expire = database.prepare(
      "update device_codes set expires_at = ? where user_code_hash = ?",
    );
    expire.run(minutesAgo(1), rows[1]?.user_code_hash ?? "");
    expire.run(minutesAgo(6), rows[0]?.user_code_hash ?? "");
    assertNoCode(await decide(url, "approve", late.user_code, cookie));
    assertRejected(await poll(url, late.device_code), "expired_token");
    assertRejected(await poll(url, gone.device_code), "expired_token");
    // The next device sweeps what expired long ago.
    ok(await ask(url));
    assertRejected(await poll(url, gone.device_code), "invalid_grant");
    assertRejected(await poll(url, late.device_code), "expired_token");
  },

  "lets a person decide in a session, and nobody else": async ({ server: { url }, client }) => {
    const cookie = await signIn(client);
    const { user_code, device_code } = ok(await ask(url));
    for (const action of ["find", "approve", "deny"] as const) {
      const send = (headers: Record<string, string>, who = cookie) =>
        decide(url, action, user_code, who, headers);
      assertError(await send(ofConsole(url), ""), "SESSION_ENDED");
      assertError(
        await send({ ...ofConsole(url), authorization: `Bearer ${client.token}` }, ""),
        "SESSION_ENDED",
      );
      const { origin: _, ...withoutOrigin } = ofConsole(url);
      for (
        const headers of [
          withoutOrigin,
          { ...ofConsole(url), origin: "https://evil.example" },
          { ...ofConsole(url), "x-invoked-console": "0" },
          { ...ofConsole(url), "sec-fetch-site": "cross-site" },
        ]
      ) {
        assertError(await send(headers as Record<string, string>), "NOT_FROM_CONSOLE");
      }
    }
    assertRejected(await poll(url, device_code), "authorization_pending");
  },

  "lets a device create a personal client, and change nothing else": async (
    { server: { url }, client },
  ) => {
    const device = await approvedDevice(url, await signIn(client));
    ok(await device.get(INTROSPECT));
    ok(await device.get(FUNCTIONS));
    const id = await client.deploy(MAIN);
    for (
      const answer of [
        await device.post(FUNCTIONS, { displayName: "by a device" }),
        await device.invoke(id),
        await device.post(LINKS, {}),
        await device.call("DELETE", `${CLIENTS}/${"0".repeat(27)}`),
      ]
    ) assertError(answer, "ROLE_MISSING");
    const made = ok(await device.post(CLIENTS, { display_name: "of a device" }));
    assert.deepEqual(made.client.scopedRoles, []);
    const { principleId } = ok(await client.get(INTROSPECT));
    assert.equal(made.client.userId, principleId);
    // The device's own credential has no secret.
    const payload = JSON.parse(atob(device.token?.split(".")[1] ?? ""));
    for (const proof of [{ client_secret: "" }, { client_secret: "x" }]) {
      const answer = await client.form("/auth/v1/token", {
        grant_type: "client_credentials",
        client_id: payload.client_id,
        ...proof,
      });
      assertRejected(answer, "invalid_client", 401);
    }
    // It is one of the person's clients until it expires, so the person can end it.
    const { list } = ok(await client.get(`${CLIENTS}?page_size=100`));
    const own = list.find(({ clientId }: Json) => clientId === payload.client_id);
    assert.equal(own.displayName, "invoked (device)");
    ok(await client.call("DELETE", `${CLIENTS}/${own.id}`));
    assertError(await device.get(INTROSPECT), "TOKEN_INVALID");
  },

  "ends with the principal that approved": async ({ server: { url }, client }) => {
    const path = "/api/v1/service_principals";
    const { id } = ok(await client.post(path, { displayName: "leaving" })).servicePrincipal;
    ok(await client.post(`${path}/${id}/roles`, { roleIds: ["system:user"] }));
    const { credential, clientSecret } = ok(
      await client.post(`${path}/${id}/credentials`, { displayName: "leaving" }),
    );
    const cookie = await signIn(await Client.login(url, credential.clientId, clientSecret));
    const device = await approvedDevice(url, cookie);
    ok(await device.get(INTROSPECT));
    // A device has the rights of the principal that approved, here of a user without further roles.
    assertError(await device.get(FUNCTIONS), "ROLE_MISSING");
    const begun = ok(await ask(url));
    ok(await decide(url, "approve", begun.user_code, cookie));
    const disabled = { servicePrincipal: { disabled: true }, updateMask: "disabled" };
    ok(await client.call("PATCH", `${path}/${id}`, disabled));
    assertRejected(await poll(url, begun.device_code), "access_denied");
    assertError(await device.get(INTROSPECT), "TOKEN_INVALID");
    // An approval of before does not count again.
    const enabled = { servicePrincipal: { disabled: false }, updateMask: "disabled" };
    ok(await client.call("PATCH", `${path}/${id}`, enabled));
    assertRejected(await poll(url, begun.device_code), "access_denied");
  },

  "ends with the client whose session approved": async ({ server: { url }, client }) => {
    const principal = await makePrincipal(client, "approver", ["system:user"]);
    for (const end of ["disabled", "deleted"]) {
      const { as, credential } = await principalSignIn(client, principal);
      const cookie = await signIn(as);
      const device = await approvedDevice(url, cookie);
      const begun = ok(await ask(url));
      ok(await decide(url, "approve", begun.user_code, cookie));
      const path = `${PRINCIPALS}/${principal}/credentials/${credential.id}`;
      const set = (disabled: boolean) =>
        client.call("PATCH", path, { credential: { disabled }, updateMask: "disabled" });
      ok(end === "deleted" ? await client.call("DELETE", path) : await set(true));
      for (const enable of end === "deleted" ? [false] : [false, true]) {
        if (enable) ok(await set(false));
        assertRejected(await poll(url, begun.device_code), "access_denied");
        assertError(await device.get(INTROSPECT), "TOKEN_INVALID");
      }
    }
  },

  "has the limits of the client whose session approved": async ({ server: { url }, client }) => {
    const principal = await makePrincipal(client, "limited", ["system:user"]);
    const limits = { expires: "600s", allowSourceCidrs: ["127.0.0.0/8"] };
    const { as, credential } = await principalSignIn(client, principal, limits);
    const cookie = await signIn(as);
    const begun = ok(await ask(url));
    ok(await decide(url, "approve", begun.user_code, cookie));
    // A poll from elsewhere is rejected and uses nothing up.
    const elsewhere = { "x-forwarded-for": "198.51.100.7" };
    assertRejected(await poll(url, begun.device_code, INVOKED, elsewhere), "invalid_client", 401);
    const { access_token: token, expires_in: seconds } = ok(await poll(url, begun.device_code));
    assert.ok(seconds <= 600, `${seconds}`);
    const device = new Client(url, token);
    assertError(await device.get(INTROSPECT, elsewhere), "SOURCE_NOT_ALLOWED");
    // The client that the device makes has these limits, too, whatever it asks for.
    const { client: made } = ok(await device.post(CLIENTS, { displayName: "of a device" }));
    assert.equal(made.expiresTime, credential.expiresAt);
    assert.deepEqual(made.allowSourceCidr, limits.allowSourceCidrs);
    const long = { displayName: "long", expires: "86400s" };
    assert.equal(ok(await device.post(CLIENTS, long)).client.expiresTime, credential.expiresAt);
    const wide = { displayName: "wide", allowSourceCidr: ["0.0.0.0/0"] };
    assertInvalid(await device.post(CLIENTS, wide), "allowSourceCidr[0]");
  },

  "cuts the rights of a device by its scope, and those of the clients that it creates": async (
    { server: { url }, client },
  ) => {
    const cookie = await signIn(client);
    const begun = ok(await ask(url, { client_id: INVOKED, scope: "openid system:viewer" }));
    const { scopedRoles } = ok(await decide(url, "find", begun.user_code, cookie));
    assert.deepEqual(scopedRoles, [{ id: VIEWER, displayName: "Read-Only Administrator" }]);
    const device = await approvedDevice(url, cookie, "system:viewer");
    const made = ok(await device.post(CLIENTS, { displayName: "viewer" }));
    assert.deepEqual(made.client.scopedRoles, [VIEWER]);
    const wider = await device.post(CLIENTS, { displayName: "x", scopedRoles: ["system:owner"] });
    assertError(wider, "ROLE_MISSING");
  },

  "has a denied approval on record with its person": async ({ server: { url }, client }) => {
    const { client: made, clientSecret } = ok(
      await client.post(CLIENTS, { displayName: "narrow", scopedRoles: ["system:viewer"] }),
    );
    const narrow = await Client.login(url, made.clientId, clientSecret);
    const cookie = await signIn(narrow);
    const { user_code } = ok(await ask(url, { client_id: INVOKED, scope: "system:owner" }));
    const events = await added(client, async () => {
      assertError(await decide(url, "approve", user_code, cookie), "ROLE_MISSING");
    });
    const short = events.map(({ api, actor, status_code }) => [
      api?.operation,
      actor?.user.uid,
      actor?.user.credential_uid,
      status_code,
    ]);
    const operation = "invoked.DeviceService.Approve";
    assert.deepEqual(short, [[operation, made.userId, made.clientId, "ROLE_MISSING"]]);
  },

  "slows down who tries codes, right codes included": async ({ server: { url }, client }) => {
    const cookie = await signIn(client);
    const { user_code } = ok(await ask(url));
    // From an address of its own: addresses have a limit, too.
    const headers = { ...ofConsole(url), "x-forwarded-for": "198.51.100.9" };
    const find = (count: number, code: string) =>
      atOnce(count, () => decide(url, "find", code, cookie, headers));
    const statuses = (await find(40, "BBBB-BBBB")).map(({ status }) => status);
    assert.ok(statuses.includes(404) && statuses.includes(429), statuses.join());
    // One more may be allowed meanwhile.
    const rights = await find(5, user_code);
    const right = rights.find(({ status }) => status !== 200) ?? assert.fail("none is rejected");
    assertError(right, "RATE_LIMITED");
    assert.match(right.body.message, /this principal may send 20 a minute/);
    assert.ok(Number(right.headers.get("retry-after")) > 0);
  },

  "has at most 50 codes of an address": async ({ server: { url } }) => {
    const answers = [];
    for (let asked = 0; asked < 51; asked += 10) {
      answers.push(...await atOnce(10, () => ask(url)));
    }
    assert.ok(answers.some(({ status }) => status === 200));
    const rejected = answers.at(-1) as Answer<Json>;
    assertRejected(rejected, "temporarily_unavailable", 429);
    assert.match(rejected.body.error_description, /^this address may begin 50 sign-ins within/);
    assert.equal(rejected.headers.get("retry-after"), "900");
  },
});
