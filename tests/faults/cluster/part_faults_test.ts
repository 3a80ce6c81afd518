/** The faults of the parts of a cluster: their names, which `--fault` selects, and which of them other parts take over. */
import assert from "node:assert/strict";
import { namesWith } from "../injection.ts";
import { partFaults } from "./part_faults.ts";
import { kindsOf, type Part } from "./parts.ts";

/** The faults of a cluster as the fault harness starts it, without its processes. */
function faultsOf(natsServers: number) {
  const part: Part = { pid: undefined, kill: () => Promise.resolve() };
  const parts = (count: number) => Array.from({ length: count }, () => part);
  const cluster = { nats: parts(natsServers), postgres: part, nodes: parts(2), workers: parts(3) };
  return partFaults(kindsOf({ ...cluster, balancer: part }), () => 0);
}

/** Whose death other parts take over, with one NATS server. */
const TAKEN_OVER = ["an API node", "a worker", "an API node and a worker", "two workers"];
/** What else with three. */
const TAKEN_OVER_BY_NATS = ["a NATS server", "a NATS server and an API node"]
  .concat("a NATS server and a worker");
const OTHERS = [
  ...["PostgreSQL", "haproxy", "both API nodes", "an API node and haproxy"],
  ...["a worker and haproxy", "PostgreSQL and haproxy", "PostgreSQL and an API node"],
  "PostgreSQL and a worker",
];
const NATS_AND = ["PostgreSQL", "an API node", "a worker", "haproxy"].map((part) =>
  `NATS and ${part}`
);

/** Each pauses and dies. */
function both(names: readonly string[]): string[] {
  return names.flatMap((name) => [`SIGSTOP of ${name} for 10 s`, `kill -9 of ${name}`]);
}

Deno.test("each part and each pair of parts pauses and dies, and spare parts take over", () => {
  const { faults, takenOver } = faultsOf(1);
  assert.deepEqual(takenOver, new Set(both(TAKEN_OVER)));
  assert.deepEqual(
    Object.keys(faults).toSorted(),
    [...both([...TAKEN_OVER, ...OTHERS, "NATS", ...NATS_AND]), "SIGSTOP of NATS for 30 s"]
      .toSorted(),
  );
});

Deno.test("two of three NATS servers take over what one of them did", () => {
  const { faults, takenOver } = faultsOf(3);
  const long = "SIGSTOP of a NATS server for 30 s";
  assert.deepEqual(takenOver, new Set([...both([...TAKEN_OVER, ...TAKEN_OVER_BY_NATS]), long]));
  assert.ok("kill -9 of two NATS servers" in faults);
  assert.ok("SIGSTOP of a NATS server and PostgreSQL for 10 s" in faults);
});

Deno.test("the exact name of a fault selects it alone, and a part of names selects several", () => {
  const { faults } = faultsOf(1);
  assert.deepEqual(namesWith(faults, { fault: "kill -9 of NATS" }), ["kill -9 of NATS"]);
  assert.equal(namesWith(faults, { fault: "kill -9 of NATS and" }).length, NATS_AND.length);
  assert.throws(() => namesWith(faults, { fault: "fire" }), /Cannot inject "fire"/);
});
