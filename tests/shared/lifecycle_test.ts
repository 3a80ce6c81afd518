import assert from "node:assert/strict";
import { Lifecycle } from "../../src/shared/lifecycle.ts";

const makeLifecycle = () =>
  new Lifecycle("door", "closed", { closed: ["open", "locked"], open: ["closed"], locked: [] });

Deno.test("a lifecycle changes its mode along the listed transitions", () => {
  const lifecycle = makeLifecycle();
  assert.equal(lifecycle.mode, "closed");
  lifecycle.set("open");
  assert.ok(lifecycle.is("locked", "open"));
  assert.ok(!lifecycle.is("closed"));
  lifecycle.set("closed");
  lifecycle.set("locked");
  assert.equal(lifecycle.mode, "locked");
});

Deno.test("a lifecycle rejects other transitions and keeps its mode", () => {
  const lifecycle = makeLifecycle();
  lifecycle.set("open");
  for (const next of ["locked", "open"] as const) {
    assert.throws(() => lifecycle.set(next), {
      name: "AssertionError",
      message: `door must not change its mode from open to ${next}`,
    });
  }
  assert.equal(lifecycle.mode, "open");
});
