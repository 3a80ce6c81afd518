/** A flood of rejections: some are on record one by one, and the rest as a number. */
import assert from "node:assert/strict";
import { Audit } from "../../src/domain/audit/audit.ts";
import { Ids } from "../../src/domain/ids.ts";
import { openStore } from "../../src/store/mod.ts";
import { makeTempDir } from "../support/invoked.ts";
import { assertOcsf } from "./support.ts";
import { NO_TELEMETRY } from "../../src/telemetry/contract.ts";

const REJECTED = { code: "TOKEN_INVALID", detail: "no" };

Deno.test("rejections beyond the limits are counted in one event, and strangers hide no principal", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  const strangers = 60;
  {
    await using audit = new Audit(store, new Ids(), NO_TELEMETRY);
    const stranger = (address: string) =>
      audit.record({ kind: "authentication", activity: "token", user: {}, rejected: REJECTED }, {
        address,
      });
    // One customer of a network has all addresses of a /64.
    for (let n = 0; n < strangers; n++) await stranger(`2001:db8::${n.toString(16)}`);
    await stranger("192.0.2.1");
    const denial = (id: string, clientId: string) =>
      audit.record({
        kind: "call",
        operation: "a.B",
        activity: "delete",
        actor: { id, displayName: id, clientId, kind: "person" },
        resources: [],
        rejected: { code: "ROLE_MISSING", detail: "no" },
      });
    // Many credentials of one principal are one caller.
    for (let n = 0; n < 300; n++) await denial("flooding", `credential ${n}`);
    await denial("Ada", "c");
  }
  const rows = await store.read.audit.after(0, 1_000);
  const events = rows.map(({ event }) => JSON.parse(event));
  for (const event of events) assertOcsf(event);
  const codes = events.map(({ status_code }) => status_code);
  assert.deepEqual(codes, [
    ...Array.from({ length: 21 }, () => "TOKEN_INVALID"),
    ...Array.from({ length: 21 }, () => "ROLE_MISSING"),
    "REJECTIONS_COUNTED",
  ]);
  assert.equal(events.at(-2).actor.user.uid, "Ada");
  const { count, start_time, end_time, unmapped } = events.at(-1);
  assert.equal(count, strangers - 20 + 280);
  assert.deepEqual(unmapped.principals, { flooding: 280 });
  assert.deepEqual(Object.values(unmapped.addresses), [strangers - 20]);
  assert.ok(start_time <= end_time);
});

Deno.test("a flood of strangers from many addresses hides no principal either", async () => {
  await using directory = await makeTempDir();
  await using store = await openStore(directory.path);
  const strangers = 300;
  {
    await using audit = new Audit(store, new Ids(), NO_TELEMETRY);
    for (let n = 0; n < strangers; n++) {
      const address = `198.51.${n >> 8}.${n & 255}`;
      const event = { kind: "authentication", activity: "token", user: {} } as const;
      await audit.record({ ...event, rejected: REJECTED }, { address });
    }
    await audit.record({
      kind: "call",
      operation: "a.B",
      activity: "delete",
      actor: { id: "Ada", displayName: "Ada", clientId: "c", kind: "person" },
      resources: [],
      rejected: { code: "ROLE_MISSING", detail: "no" },
    });
  }
  const events = (await store.read.audit.after(0, 1_000)).map(({ event }) => JSON.parse(event));
  assert.equal(events.at(-2).actor.user.uid, "Ada");
  const { count, unmapped } = events.at(-1);
  assert.equal(events.length - 2 + count, strangers);
  assert.ok(count > 0, "strangers of many addresses have no limit together");
  assert.equal(Object.keys(unmapped.addresses).length, Math.min(count, 20));
});
