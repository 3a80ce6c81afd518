/** Bodies whose senders choose the chunks: the memory follows the bytes. */
import assert from "node:assert/strict";
import { gatherBytes, GatheredBytes } from "../../src/shared/gathered_bytes.ts";

const MIB = 1024 * 1024;

/** Bytes that show where they belong. */
function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at % 251);
}

/** The chunks of these sizes, repeated until the bytes end. */
function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, round = 0; at < bytes.length; round++) {
    const size = sizes[round % sizes.length] ?? 1;
    yield bytes.slice(at, at + size);
    at += size;
  }
}

for (const sizes of [[1], [7, 0, 1], [65_536], [1, 3 * MIB], [16_384, 16_385], [5 * MIB]]) {
  Deno.test(`chunks of ${sizes.join(", ")} bytes`, async () => {
    const isSmall = Math.max(...sizes) < 16;
    const body = bytesOf((isSmall ? MIB / 4 : 3 * MIB) + 5);
    const gathered = new GatheredBytes(body.length);
    for (const chunk of chunksOf(body, sizes)) {
      gathered.add(chunk);
      const spare = Math.min(MIB, Math.max(16 * 1024, gathered.length));
      const { length, capacity } = gathered;
      assert.ok(length <= capacity && capacity <= Math.min(body.length, length + spare));
    }
    assert.equal(gathered.length, body.length);
    assert.deepEqual(gathered.bytes(), body);
    const tooLarge = () => new Error("too large");
    assert.deepEqual(await gatherBytes(chunksOf(body, sizes), body.length, tooLarge), body);
    await assert.rejects(
      () => gatherBytes(chunksOf(body, sizes), body.length - 1, tooLarge),
      /too large/,
    );
  });
}

Deno.test("no chunk", async () => {
  const never = () => assert.fail("it is not too large");
  assert.deepEqual(await gatherBytes([], 0, never), new Uint8Array());
  assert.deepEqual(await gatherBytes([new Uint8Array()], 0, never), new Uint8Array());
});
