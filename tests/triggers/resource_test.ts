/** Triggers as resources of a function. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { assertError, assertInvalid, MAIN, ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { createTrigger, triggersOf, unique, updateTrigger } from "./support.ts";

/** 32 bytes that are no point of the curve of Ed25519. */
const NO_POINT = "ab".repeat(32);
const SCHEDULE = { schedule: { cronSpec: "0 9 * * 1-5", timezone: "Europe/Berlin" } };

/** Creates a trigger that must fail for these fields. */
async function rejected(
  client: Client,
  functionId: string,
  trigger: Json,
  field: string,
  message = /./,
): Promise<void> {
  const answer = await client.post(triggersOf(functionId), {
    trigger: { displayName: unique("bad"), ...trigger },
  });
  assertInvalid(answer, field, message);
}

sharedSuite("triggers", {
  "a schedule is created with its defaults, read, listed, changed and deleted": async (
    { client },
  ) => {
    const functionId = await client.deploy(MAIN);
    const made = await createTrigger(client, functionId, { displayName: "daily", ...SCHEDULE });
    assert.deepEqual(Object.keys(made), ["trigger"]);
    const { id, createdAt, updatedAt, nextRuns, ...rest } = made.trigger;
    assert.deepEqual(rest, {
      functionId,
      displayName: "daily",
      paused: false,
      schedule: {
        cronSpec: "0 9 * * 1-5",
        timezone: "Europe/Berlin",
        input: {},
        catchUp: "CATCH_UP_NONE",
        overlap: "OVERLAP_ALLOW",
      },
    });
    assert.equal(createdAt, updatedAt);
    assert.equal(nextRuns.length, 5);
    const path = `${triggersOf(functionId)}/${id}`;
    assert.deepEqual(ok(await client.get(path)).trigger, made.trigger);
    const other = (await createTrigger(client, functionId, SCHEDULE)).trigger;
    const { list, nextPageToken } = ok(await client.get(triggersOf(functionId)));
    assert.deepEqual([list, nextPageToken], [[other, made.trigger], ""]);

    const changed = await updateTrigger(client, made.trigger, {
      displayName: "hourly",
      schedule: { cronSpec: "0 * * * *", timezone: "UTC" },
    }, "displayName,schedule.cron_spec");
    assert.equal(changed.displayName, "hourly");
    assert.deepEqual(changed.schedule, { ...rest.schedule, cronSpec: "0 * * * *" });
    ok(await client.call("DELETE", path, {}));
    assertError(await client.get(path), "TRIGGER_NOT_FOUND");
  },

  "an update without a mask changes what it carries, a whole kind only by its name": async (
    { client },
  ) => {
    const functionId = await client.deploy(MAIN);
    const { trigger } = await createTrigger(client, functionId, {
      schedule: {
        ...SCHEDULE.schedule,
        start: new Date().toISOString(),
        input: { a: 1 },
        overlap: "OVERLAP_SKIP",
      },
    });
    const paused = await updateTrigger(client, trigger, { paused: true });
    assert.deepEqual([paused.paused, paused.nextRuns], [true, []]);
    assert.deepEqual(paused.schedule, trigger.schedule);
    const at = new Date(Date.now() + 3_600_000).toISOString();
    // A value of an enum that says nothing changes nothing.
    const schedule = { at, overlap: "OVERLAP_UNSPECIFIED" };
    const once = await updateTrigger(client, trigger, { schedule, paused: false });
    assert.equal(once.schedule.overlap, "OVERLAP_SKIP");
    assert.deepEqual([once.schedule.at, once.schedule.cronSpec], [at, undefined]);
    assert.deepEqual([once.schedule.input, once.nextRuns], [{ a: 1 }, [at]]);
    const whole = await updateTrigger(client, trigger, SCHEDULE, "schedule");
    assert.deepEqual(whole.schedule.input, {});
    assert.equal(whole.schedule.overlap, "OVERLAP_ALLOW");
    const body = { trigger: { schedule: { cronSpec: "x" } }, updateMask: "schedule.color" };
    const path = `${triggersOf(functionId)}/${trigger.id}`;
    assertInvalid(await client.call("PATCH", path, body), "updateMask");
    const kind = { trigger: { http: { slug: unique("s") } } };
    assertInvalid(
      await client.call("PATCH", path, kind),
      "trigger.http",
      /its kind does not change/,
    );
  },

  "slugs and names are unique, and free again after their trigger": async ({ client }) => {
    const [first, second] = [await client.deploy(MAIN), await client.deploy(MAIN)];
    const slug = unique("slug");
    const { trigger } = await createTrigger(client, first, {
      displayName: "one",
      http: { slug, auth: "ENDPOINT_AUTH_OPEN" },
    });
    assert.deepEqual(trigger.http, { slug, auth: "ENDPOINT_AUTH_OPEN", recordBody: false });
    const taken: readonly (readonly [string, Json])[] = [
      [second, { http: { slug } }],
      [first, { displayName: "one", ...SCHEDULE }],
    ];
    for (const [functionId, more] of taken) {
      const body = { trigger: { displayName: "two", ...more } };
      assertError(await client.post(triggersOf(functionId), body), "TRIGGER_ALREADY_EXISTS");
    }
    const racing = unique("slug");
    const created = await Promise.all(
      [first, second, first, second].map((functionId) =>
        client.post(triggersOf(functionId), {
          trigger: { displayName: unique("race"), http: { slug: racing } },
        })
      ),
    );
    assert.deepEqual(created.map(({ status }) => status).toSorted(), [200, 409, 409, 409]);
    ok(await client.call("DELETE", `${triggersOf(first)}/${trigger.id}`, {}));
    await createTrigger(client, second, { http: { slug } });
  },

  "several changes are made together, or none of them": async ({ client }) => {
    const functionId = await client.deploy(MAIN);
    const path = `${triggersOf(functionId)}/apply`;
    const apply = (changes: Json, more: Json = {}) => client.post(path, { changes, ...more });
    const [a, b] = [unique("a"), unique("b")];
    const made = ok(
      await apply([
        { trigger: { displayName: "one", http: { slug: a } } },
        { trigger: { displayName: "two", http: { slug: b } } },
        { trigger: { displayName: "hook", webhook: { github: {} } } },
      ]),
    );
    const [one, two, hook] = made.list;
    const [{ triggerId, webhookSecret }] = made.secrets;
    assert.deepEqual([triggerId, made.secrets.length], [hook.id, 1]);
    assert.match(webhookSecret, /^[0-9a-f]{64}$/);
    const namesAndSlugs = async () =>
      Object.fromEntries(
        ok(await client.get(triggersOf(functionId))).list
          .map(({ id, displayName, http }: Json) => [id, [displayName, http?.slug]]),
      );
    const exchanged = [
      { id: one.id, trigger: { displayName: "two", http: { slug: b } } },
      { trigger: { displayName: "hook", ...SCHEDULE } },
      { id: two.id, trigger: { displayName: "one", http: { slug: a } }, updateMask: "*" },
      { id: hook.id },
    ];
    const before = await namesAndSlugs();
    assert.deepEqual(ok(await apply(exchanged, { validateOnly: true })).list, []);
    assert.deepEqual(await namesAndSlugs(), before);
    const bad = await apply([...exchanged, { trigger: { displayName: "x", http: {} } }]);
    assertInvalid(bad, "changes[4].trigger.http.slug", /Trigger "x" was not applied/);
    const twice = await apply([{ id: one.id }, { id: one.id, trigger: { paused: true } }]);
    assertInvalid(twice, "changes[1].id");
    const taken = { id: one.id, trigger: { http: { slug: b } } };
    assertError(await apply([taken]), "TRIGGER_ALREADY_EXISTS");
    assertError(await apply([{ id: "none" }]), "TRIGGER_NOT_FOUND");
    assertInvalid(await apply([{}]), "changes[0]");
    assert.deepEqual(await namesAndSlugs(), before);
    const { list } = ok(await apply(exchanged));
    assert.deepEqual(list.map(({ displayName }: Json) => displayName), ["two", "hook", "one"]);
    assert.equal(list[1].nextRuns.length, 5);
    assert.deepEqual(await namesAndSlugs(), {
      [one.id]: ["two", b],
      [two.id]: ["one", a],
      [list[1].id]: ["hook", undefined],
    });
  },

  "a signed endpoint has a secret, and cross-origin rules come back as they were": async (
    { client },
  ) => {
    const functionId = await client.deploy(MAIN);
    const cors = {
      allowOrigins: ["https://a.example"],
      allowMethods: ["GET"],
      allowHeaders: [],
      exposeHeaders: ["X-A"],
      allowCredentials: true,
      maxAge: "600s",
    };
    const http = { slug: unique("slug"), auth: "ENDPOINT_AUTH_SIGNATURE", cors, recordBody: true };
    const made = await createTrigger(client, functionId, { http });
    assert.match(made.webhookSecret, /^whsec_/);
    assert.deepEqual(made.trigger.http, http);
    const secret = `whsec_${"A".repeat(32)}`;
    await createTrigger(client, functionId, { http: { ...http, slug: unique("slug"), secret } });
    const open = await updateTrigger(client, made.trigger, {
      http: { auth: "ENDPOINT_AUTH_OPEN" },
    });
    assert.deepEqual(open.http, { ...http, auth: "ENDPOINT_AUTH_OPEN" });
    const uncached = await updateTrigger(client, made.trigger, {
      http: { cors: { ...cors, maxAge: "0s" } },
    });
    assert.equal(uncached.http.cors.maxAge, "0s");
  },

  "the input of a schedule keeps what is null": async ({ client }) => {
    const functionId = await client.deploy(MAIN);
    const input = { cursor: null, list: [{ a: null }] };
    const schedule = { ...SCHEDULE.schedule, input };
    const { trigger } = await createTrigger(client, functionId, { schedule });
    assert.deepEqual(trigger.schedule.input, input);
    assert.deepEqual((await updateTrigger(client, trigger, { schedule })).schedule.input, input);
  },

  "bad triggers name their violation, and nothing is created": async ({ client }) => {
    const functionId = await client.deploy(MAIN);
    const bad = (trigger: Json, field: string, message?: RegExp) =>
      rejected(client, functionId, trigger, field, message);
    const schedule = (change: Json) => ({ schedule: { cronSpec: "* * * * *", ...change } });
    await bad({}, "trigger", /exactly one of/);
    await bad({ ...SCHEDULE, http: { slug: "a" } }, "trigger", /exactly one of/);
    await bad({ ...SCHEDULE, displayName: " " }, "trigger.displayName");
    await bad(schedule({ cronSpec: "* * * *" }), "trigger.schedule.cronSpec", /five fields/);
    await bad(schedule({ cronSpec: "* * * * * *" }), "trigger.schedule.cronSpec", /five fields/);
    await bad(schedule({ cronSpec: "61 * * * *" }), "trigger.schedule.cronSpec", /61/);
    await bad(schedule({ cronSpec: "0 0 30 2 *" }), "trigger.schedule.cronSpec", /never comes/);
    await bad(schedule({ timezone: "Mars/Base" }), "trigger.schedule.timezone", /Mars\/Base/);
    await bad(schedule({ timezone: "+01:00" }), "trigger.schedule.timezone", /IANA/);
    await bad({ schedule: {} }, "trigger.schedule.cronSpec", /exactly one of/);
    await bad({ schedule: { at: "2020-01-01T00:00:00Z" } }, "trigger.schedule.at", /future/);
    await bad({ schedule: { at: "tomorrow" } }, "trigger.schedule.at", /RFC 3339/);
    await bad(schedule({ overlap: "OVERLAP_X" }), "trigger.schedule.overlap", /must be one of/);
    await bad(schedule({ input: [] }), "trigger.schedule.input", /must be a JSON object/);
    await bad({ webhook: {} }, "trigger.webhook", /exactly one of/);
    await bad({ webhook: { hmac: {}, github: {} } }, "trigger.webhook", /hmac and github/);
    await bad({ webhook: { hmac: {}, maxBytes: 2 ** 30 } }, "trigger.webhook.maxBytes", /--max-w/);
    await bad(
      { webhook: { hmac: {}, allowSourceCidrs: ["x"] } },
      "trigger.webhook.allowSourceCidrs[0]",
    );
    await bad(
      { webhook: { jwt: { jwksUrl: "http://a.example/" } } },
      "trigger.webhook.jwt.jwksUrl",
    );
    for (const publicKey of ["00", NO_POINT]) {
      await bad({ webhook: { discord: { publicKey } } }, "trigger.webhook.discord.publicKey");
    }
    await bad({ webhook: { header: { name: "a b" } } }, "trigger.webhook.header.name");
    await bad(
      { webhook: { standardWebhooks: { secret: "short" } } },
      "trigger.webhook.standardWebhooks.secret",
      /whsec_/,
    );
    const encoding = "SIGNATURE_ENCODING_PLAIN";
    for (const secret of [" a", "a ", "a\nb", "é"]) {
      const header = { name: "X-Token", encoding, secret };
      await bad({ webhook: { header } }, "trigger.webhook.header.secret", /printable ASCII/);
    }
    const header = { name: "X-Token", encoding };
    await bad(
      { webhook: { header, eventIdHeader: "x-token" } },
      "trigger.webhook.eventIdHeader",
      /must not be x-token, the header of the token/,
    );
    await bad({ http: { slug: "A b" } }, "trigger.http.slug", /lower-case/);
    await bad({ http: {} }, "trigger.http.slug");
    await bad(
      { http: { slug: unique("s"), secret: "x" } },
      "trigger.http.secret",
      /ENDPOINT_AUTH_SIGNATURE/,
    );
    await bad({ http: { slug: unique("s"), host: "a:80" } }, "trigger.http.host");
    const elsewhere = { slug: unique("s"), host: "other.example.test" };
    await bad({ http: elsewhere }, "trigger.http.host", /--endpoint-hosts/);
    for (
      const [body, field, message] of [
        [{}, "trigger", /trigger: is missing/],
        [{ trigger: "daily" }, "trigger", /must be an object/],
        [{ trigger: { paused: "yes", ...SCHEDULE } }, "trigger.paused", /must be a boolean/],
      ] as const
    ) {
      assertInvalid(await client.post(triggersOf(functionId), body), field, message);
    }
    const cors = { allowOrigins: ["*"], allowCredentials: true };
    await bad({ http: { slug: unique("s"), cors } }, "trigger.http.cors.allowOrigins");
    for (
      const [field, value] of [
        ["allowOrigins", "https://a.example/"],
        ["allowOrigins", "a.example"],
        ["allowOrigins", "https://*.example.com"],
        ["allowMethods", "GET, POST"],
        ["allowHeaders", "a:b"],
        ["exposeHeaders", "x\r\ny"],
      ] as const
    ) {
      const lists = { allowOrigins: ["capacitor://localhost", "null"], [field]: ["*", value] };
      await bad({ http: { slug: unique("s"), cors: lists } }, `trigger.http.cors.${field}[1]`);
    }
    const exposed = { allowOrigins: ["https://a.example"], exposeHeaders: ["*"] };
    await bad(
      { http: { slug: unique("s"), cors: { ...exposed, allowCredentials: true } } },
      "trigger.http.cors.exposeHeaders",
    );
    const volume = { trigger: { displayName: "v", vfsId: "none", ...SCHEDULE } };
    assertError(await client.post(triggersOf(functionId), volume), "VOLUME_NOT_FOUND");
    const list = ok(await client.get(triggersOf(functionId))).list;
    assert.deepEqual(list, []);
  },

  "a function shows its triggers, and is deleted after them; a volume, too": async ({ client }) => {
    const functionId = await client.deploy(MAIN);
    const { volume } = ok(await client.post("/api/v1/vfs/volumes", { displayName: unique("v") }));
    const { trigger } = await createTrigger(client, functionId, { vfsId: volume.id, ...SCHEDULE });
    assert.equal(trigger.vfsId, volume.id);
    const path = `/api/v1/functions/${functionId}`;
    assert.deepEqual(ok(await client.get(path)).function.hookRefs, [trigger.id]);
    assertError(await client.call("DELETE", path, {}), "FUNCTION_IN_USE", new RegExp(trigger.id));
    const volumePath = `/api/v1/vfs/volumes/${volume.id}`;
    assertError(await client.call("DELETE", volumePath), "VOLUME_BOUND");
    ok(await client.call("DELETE", `${triggersOf(functionId)}/${trigger.id}`, {}));
    ok(await client.call("DELETE", volumePath));
    ok(await client.call("DELETE", path, {}));
    const gone = await client.post(triggersOf(functionId), {
      trigger: { displayName: "x", ...SCHEDULE },
    });
    assertError(gone, "FUNCTION_NOT_FOUND");
  },

  "a trigger of another function is not found": async ({ client }) => {
    const [functionId, other] = [await client.deploy(MAIN), await client.deploy(MAIN)];
    const { trigger } = await createTrigger(client, functionId, SCHEDULE);
    const path = `${triggersOf(other)}/${trigger.id}`;
    assertError(await client.get(path), "TRIGGER_NOT_FOUND");
    assertError(await client.call("DELETE", path, {}), "TRIGGER_NOT_FOUND");
    assertError(await client.get(`${path}/deliveries`), "TRIGGER_NOT_FOUND");
    assertError(await client.get(triggersOf("none")), "FUNCTION_NOT_FOUND");
  },
});
