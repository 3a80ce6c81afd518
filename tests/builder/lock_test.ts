import assert from "node:assert/strict";
import { checkLock, EMPTY_LOCK } from "../../src/builder/lock.ts";
import { build, openBuilder, rejection, runArtifact } from "./support.ts";

const REGISTRY = "https://registry.npmjs.org/";
const USES_MS = 'import ms from "npm:ms@2";\nexport default () => ({ ms: ms("1s") });';

Deno.test("a lock pins: building with it gives the versions in it, not the newest", async () => {
  await using opened = await openBuilder();
  const old = await build(opened.builder, { "main.ts": USES_MS.replace("ms@2", "ms@2.1.1") });
  const lock = old.lock.replace("npm:ms@2.1.1", "npm:ms@2");
  const pinned = await build(opened.builder, { "main.ts": USES_MS, "deno.lock": lock });
  assert.match(pinned.lock, /"npm:ms@2": "2\.1\.1"/);
  assert.match(pinned.sourceMap, /npm:ms@2\.1\.1\/index\.js/);
  assert.deepEqual((await runArtifact(pinned)).value, { ms: 1000 });
  const again = await build(opened.builder, { "main.ts": USES_MS, "deno.lock": pinned.lock });
  assert.deepEqual(again, pinned);
  const free = await build(opened.builder, { "main.ts": USES_MS });
  assert.match(free.lock, /"npm:ms@2": "2\.1\.[2-9]/);
});

Deno.test("a package that is not what the lock says is rejected", async () => {
  await using opened = await openBuilder();
  const { lock } = await build(opened.builder, { "main.ts": USES_MS });
  const forged = lock.replace(/sha512-\w{8}/, "sha512-AAAAAAAA");
  await using empty = await openBuilder({}, { cacheDir: `${opened.root}/cache` });
  const reasons = await rejection(empty.builder, { "main.ts": USES_MS, "deno.lock": forged });
  assert.notEqual(reasons.length, 0);
  assert.equal(reasons.join("\n").includes(opened.root), false);
});

Deno.test("a lock of a package that is not one of the registry is rejected", async () => {
  await using opened = await openBuilder();
  const locks = [
    "not JSON",
    "[]",
    '{"version": "1"}',
    '{"version": "5", "npm": {"../../x@1.0.0": {}}}',
    '{"version": "5", "npm": {"ms@../../x": {}}}',
    '{"version": "5", "npm": {"ms@2.1.3": {"tarball": "http://127.0.0.1/ms.tgz"}}}',
    '{"version": "5", "npm": {"ms@2.1.3": {"tarball": "file:///etc/passwd"}}}',
  ];
  for (const lock of locks) {
    const reasons = await rejection(opened.builder, { "main.ts": USES_MS, "deno.lock": lock });
    assert.match(reasons[0] ?? "", /^deno\.lock: Invalid lock file: /, lock);
  }
});

Deno.test("what a lock says of anything but packages of npm is removed", () => {
  const parts = [
    '"workspace": {"dependencies": ["npm:ms@2"]}',
    '"remote": {"https://127.0.0.1/x.ts": "00"}',
    '"redirects": {"https://a/": "https://b/"}',
    '"jsr": {"@std/path@1.0.0": {}}',
  ];
  for (const part of parts) {
    const checked = checkLock(`{"version": "5", ${part}}`, REGISTRY);
    assert.deepEqual(checked, { kind: "lock", text: EMPTY_LOCK, hasTarballs: false });
  }
  const mixed = '{"version": "5", "specifiers": {"jsr:@std/path@1": "1.0.0", "npm:ms@2": "2.1.3"}}';
  const checked = checkLock(mixed, REGISTRY);
  assert.ok(checked.kind === "lock");
  assert.deepEqual(JSON.parse(checked.text).specifiers, { "npm:ms@2": "2.1.3" });
  const tarball =
    '{"version":"5","npm":{"a@1.0.0":{"tarball":"https://registry.npmjs.org/a/-/a-1.0.0.tgz"}}}';
  assert.equal(checkLock(tarball, REGISTRY).kind, "lock");
  assert.equal(checkLock(tarball, "https://other.example/").kind, "error");
});
