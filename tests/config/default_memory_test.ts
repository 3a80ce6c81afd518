import assert from "node:assert/strict";
import { defaultCapacity } from "../../src/compose/default_capacity.ts";
import { defaultMaxMemory } from "../../src/config/default_memory.ts";
import { resolveConfig } from "../../src/config/mod.ts";

const MIB = 1024 ** 2;

Deno.test("without --max-memory a function may ask for a quarter of the machine, within bounds", () => {
  const maxOf = (memory: number, machine: number) =>
    defaultMaxMemory(memory * MIB, machine * MIB) / MIB;
  assert.equal(maxOf(128, 64 * 1024), 1024);
  assert.equal(maxOf(128, 3 * 1024 + 0.5), 768);
  assert.equal(maxOf(128, 256), 128);
  assert.equal(maxOf(2048, 64 * 1024), 2048);
});

Deno.test("a maximum that the operator sets is kept", () => {
  const maxOf = (flags: Record<string, string>) =>
    resolveConfig(flags, {}).config.invocations.maxMemoryBytes ?? 0;
  assert.equal(maxOf({ "max-memory": "128MiB" }), 128 * MIB);
  assert.equal(maxOf({ "max-memory": "4GiB" }), 4096 * MIB);
  assert.equal(maxOf({ memory: "4GiB" }), 4096 * MIB);
  const byDefault = maxOf({});
  assert.ok(byDefault >= 128 * MIB && byDefault <= 1024 * MIB, String(byDefault));
  assert.throws(
    () => maxOf({ memory: "256MiB", "max-memory": "128MiB" }),
    /--max-memory is 128 MiB, but must be at least 256 MiB to allow the default of --memory/,
  );
});

Deno.test("a worker has as many slots as its processors and its memory suffice for", () => {
  const slots = (cores: number, memory: number) =>
    defaultCapacity(128 * MIB, { cores, memoryBytes: memory * MIB });
  assert.equal(slots(2, 16_384), 32, "16 for each processor");
  assert.equal(slots(8, 2_048), 12, "three quarters of the memory");
  assert.equal(slots(1, 64), 1);
});
