/** Parsers of hostile input answer every input with a value or with their own error. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { readManifest } from "../../src/cli/folder/manifest.ts";
import { Failure } from "../../src/cli/terminal/failure.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { Pages } from "../../src/domain/paging.ts";
import { type FrameEvents, FrameReader } from "../../src/sandbox/instance/frames.ts";
import { FrameKind, NONCE_BYTES, NONCE_MARK } from "../../src/runtime/wire.ts";
import { makeTempDir } from "../support/invoked.ts";
import { bytes, check, mutated, utf8 } from "./support.ts";

const OUTPUT_BYTES = 64;

const KIND_NAMES = new Map<number, string>(
  Object.entries(FrameKind).map(([name, kind]) => [kind, name.toLowerCase()]),
);

/** What a reader reports for chunks, with adjacent text joined. */
function framesOf(nonce: Uint8Array, chunks: readonly Uint8Array[]): string[] {
  const found: string[] = [];
  const say = (kind: string) => (...values: (number | Uint8Array)[]) => {
    const shown = values.map((value) =>
      value instanceof Uint8Array ? value.toHex() : JSON.stringify(value)
    ).join(" ");
    if (kind === "text" && found.at(-1)?.startsWith("text ")) found.push(`${found.pop()}${shown}`);
    else found.push(`${kind} ${shown}`);
  };
  const events: FrameEvents = {
    text: say("text"),
    frame: (kind, body) => say(KIND_NAMES.get(kind) ?? "log")(body),
    resultTooLarge: say("resultTooLarge"),
    broken: say("broken"),
  };
  const reader = new FrameReader(nonce, OUTPUT_BYTES, events);
  for (const chunk of chunks) reader.push(chunk);
  reader.close();
  return found;
}

const nonceArbitrary = fc.uint8Array({ minLength: NONCE_BYTES, maxLength: NONCE_BYTES })
  .map((nonce) => new Uint8Array([NONCE_MARK, ...nonce.subarray(1)]));

Deno.test("frames are the same however they are cut, and text without the nonce is text", async () => {
  const part = fc.oneof(
    bytes(40).map((text) => ({ text })),
    fc.record({ kind: fc.constantFrom(...Object.values(FrameKind)), body: bytes(80) }),
    fc.record({ kind: fc.nat(255), body: bytes(8) }),
  );
  const inputs = fc.record({
    nonce: nonceArbitrary,
    parts: fc.array(part, { maxLength: 6 }),
    cuts: fc.array(fc.nat(200), { maxLength: 6 }),
  });
  // Once, a frame behind the result was reported as broken, and what followed an early `idle` was read.
  const nonce = new Uint8Array(NONCE_BYTES);
  nonce[0] = NONCE_MARK;
  const frame = (kind: number, ...body: number[]) => ({ kind, body: new Uint8Array(body) });
  const kept = [
    { nonce, parts: [frame(FrameKind.RESULT), frame(FrameKind.ACCEPTED, 0)], cuts: [] },
    { nonce, parts: [frame(FrameKind.IDLE), frame(FrameKind.RESULT)], cuts: [] },
  ];
  await check(inputs, kept, { runs: 300 }, ({ nonce, parts, cuts }) => {
    const stream = new Uint8Array(parts.flatMap((part) => {
      if ("text" in part) return [...part.text];
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, part.body.length);
      return [...nonce, part.kind, ...length, ...part.body];
    }));
    const ends = [...cuts.map((cut) => cut % (stream.length + 1)), stream.length]
      .toSorted((a, b) => a - b);
    const chunks = ends.map((end, index) => stream.slice(ends[index - 1] ?? 0, end));
    const whole = framesOf(nonce, [stream]);
    assert.deepEqual(framesOf(nonce, chunks), whole);
    assert.ok(whole.filter((event) => /^(?:result|failure|broken)/.test(event)).length <= 1);

    const foreign = stream.map((byte) => byte === NONCE_MARK ? byte ^ 1 : byte);
    const text = framesOf(nonce, [foreign]);
    assert.deepEqual(text, foreign.length === 0 ? [] : [`text ${foreign.toHex()}`]);
  });
});

Deno.test("a page token that was not issued for the list is rejected", async () => {
  const pages = new Pages(new Uint8Array(32).fill(7));
  const list = fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 3 });
  const inputs = fc.record({ list, after: fc.string(), other: list, edited: bytes(60) });
  const rejected = (list: readonly unknown[], pageToken: string) =>
    assert.throws(
      () => pages.open(list, { pageToken }),
      (error) => error instanceof DomainError && error.reason === "INVALID_PAGE_TOKEN",
    );
  await check(inputs, [], { runs: 300 }, ({ list, after, other, edited }) => {
    const token = pages.open(list, {}).tokenFor(after);
    assert.equal(pages.open(list, { pageToken: token }).after, after);
    if (JSON.stringify(list) !== JSON.stringify(other)) rejected(other, token);
    if (edited.length > 0) {
      rejected(list, edited.toBase64({ alphabet: "base64url", omitPadding: true }));
      rejected(list, new TextDecoder().decode(edited));
      rejected(list, `${token}${edited.toHex()}`);
      rejected(list, token.slice(0, edited.length % token.length) || "x");
    }
  });
  const tokens = mutated(fc.constant(utf8(pages.open(["a"], {}).tokenFor("x"))));
  await check(tokens, [], { runs: 300 }, (edited) => {
    const token = new TextDecoder().decode(edited);
    if (token === "" || token === pages.open(["a"], {}).tokenFor("x")) return;
    rejected(["a"], token);
  });
});

Deno.test("every invoked.json is a manifest or is rejected with its path", async () => {
  await using directory = await makeTempDir();
  const valid = utf8(JSON.stringify({
    ...{ id: "x", name: "n", description: "d", allowlist: ["a.example"], volume: "v" },
    ...{ roles: ["r"], provisionedConcurrency: 1, processReuse: "PROCESS_REUSE_NONE" },
  }));
  const inputs = fc.oneof(
    mutated(fc.constant(valid)),
    fc.json().map(utf8),
    bytes(60),
    fc.record({ name: fc.jsonValue(), roles: fc.jsonValue(), __proto__: fc.jsonValue() })
      .map((value) => utf8(JSON.stringify(value))),
  );
  const deep = utf8(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
  await check(
    inputs,
    [deep, utf8('{"name":"x","__proto__":{"id":"y"}}')],
    { runs: 200 },
    async (text) => {
      await Deno.writeFile(`${directory.path}/invoked.json`, text);
      try {
        const manifest = await readManifest(directory.path);
        assert.ok(manifest !== undefined && manifest.name.length > 0);
        assert.equal(Object.getPrototypeOf(manifest), Object.prototype);
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
        assert.match(error.message, /^Invalid .*invoked\.json: /);
      }
    },
  );
});
