/** Sealed jobs open for their worker and what they are for, and for nothing else. */
import assert from "node:assert/strict";
import { SealBroken, type SealContext, SealKey, Seals } from "../../src/cluster/link/sealing.ts";

const JOB: SealContext = { kind: "job", worker: "w", node: "n", session: "s" };
const OTHERS: readonly SealContext[] = [
  { ...JOB, worker: "other" },
  { ...JOB, node: "other" },
  { ...JOB, session: "other" },
  { kind: "scripts", worker: "w" },
];
const TEXT = new TextEncoder().encode("a job with its secrets");

Deno.test("what is sealed opens for its worker and context alone", async () => {
  const [seals, key, other] = [new Seals(), await SealKey.create(), await SealKey.create()];
  for (const bytes of [TEXT, new Uint8Array(), new Uint8Array(3_000_000).fill(7)]) {
    const sealed = await seals.seal(key.publicKey, JOB, bytes);
    assert.deepEqual(await key.open(JOB, sealed), bytes);
    assert.equal(new TextDecoder().decode(sealed).includes("secrets"), false);
  }
  const sealed = await seals.seal(key.publicKey, JOB, TEXT);
  for (const context of OTHERS) await assert.rejects(key.open(context, sealed), SealBroken);
  await assert.rejects(other.open(JOB, sealed), SealBroken);
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    await assert.rejects(key.open(JOB, changed), SealBroken, `byte ${at}`);
  }
  await assert.rejects(key.open(JOB, sealed.subarray(0, 40)), SealBroken);
});

Deno.test("no two texts share a key, even for the same session", async () => {
  const [seals, key] = [new Seals(), await SealKey.create()];
  const [a, b] = [
    await seals.seal(key.publicKey, JOB, TEXT),
    await seals.seal(key.publicKey, JOB, TEXT),
  ];
  const heads = [a, b].map((sealed) => sealed.subarray(0, 32).toBase64());
  assert.equal(heads[0], heads[1], "one exchange");
  assert.notDeepEqual(a.subarray(64), b.subarray(64));
  // Another API node has an exchange of its own, and the worker opens what both sealed.
  const c = await new Seals().seal(key.publicKey, JOB, TEXT);
  assert.notEqual(c.subarray(0, 32).toBase64(), heads[0]);
  for (const sealed of [b, c, a]) assert.deepEqual(await key.open(JOB, sealed), TEXT);
});
