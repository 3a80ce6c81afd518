/** Ids of invocations encode their time: see `src/domain/ids.ts`. */
import assert from "node:assert/strict";
import KSUID from "ksuid";
import { Ids } from "../../src/domain/ids.ts";
import { idsOf, numberOf } from "../../src/store/sqlite/search/index_file.ts";

const secondOf = (ms: number) => Math.floor(ms / 1000);

Deno.test("an id and its time have the same second, also after the clock was set back", () => {
  const ids = new Ids();
  const real = Date.now;
  try {
    const noon = Date.parse("2026-01-31T12:00:00.900Z");
    let before = "";
    for (const ms of [0, 1, 150, -600_000, -599_000, 2_000, 2_001]) {
      Date.now = () => noon + ms;
      const { id, time } = ids.nextWithTime();
      assert.equal(secondOf(KSUID.parse(id).date.getTime()), secondOf(time.getTime()), String(ms));
      assert.ok(time.getTime() >= noon + ms);
      assert.ok(id > before, "ids do not go back");
      before = id;
    }
  } finally {
    Date.now = real;
  }
});

Deno.test("ids are KSUIDs, in ascending order", () => {
  const ids = new Ids();
  const made = Array.from({ length: 1000 }, () => ids.next());
  assert.deepEqual(made.map((id) => KSUID.parse(id).string), made);
  assert.deepEqual(made.toSorted(), made);
  assert.equal(new Set(made).size, made.length);
});

Deno.test("the search index numbers ids by their first five bytes", () => {
  const ids = [0, 1, 0x7f, 0xff].flatMap((byte) => [
    new KSUID(Buffer.alloc(20, byte)),
    KSUID.randomSync(Date.parse("2026-01-31T12:00:00Z") + byte * 1e9),
  ]);
  for (const { string: id, raw } of ids) {
    const number = raw.readUIntBE(0, 5);
    assert.equal(numberOf(id), number, id);
    const [first, last] = [0, 0xff].map((byte) =>
      new KSUID(Buffer.concat([raw.subarray(0, 5), Buffer.alloc(15, byte)])).string
    );
    assert.deepEqual(idsOf(number), [first, last]);
    assert.ok(numberOf(id.slice(0, 9)) <= number && number <= numberOf(`${id.slice(0, 9)}~`, "z"));
  }
  const [, last] = idsOf(0xff_ffff_ffff);
  assert.deepEqual([numberOf(""), numberOf("~", "z"), numberOf(last)], [
    0,
    0xff_ffff_ffff,
    0xff_ffff_ffff,
  ]);
});
