/** Part f: memory of processes that wait, and of the server. */
import { childrenOf, descendantsOf } from "../../tests/support/processes.ts";
import type { Context } from "../context.ts";
import { Invoked } from "../invoked.ts";
import { pause } from "../load.ts";
import { type Memory, memoryOf } from "../process_memory.ts";
import { type PartResult, type Row, rowOf } from "../report.ts";
import { bundleOf, type Workload } from "../workload.ts";
import { serverMemory } from "./server_memory.ts";

/** Processes of the function; one more, which takes any code, waits beside them. */
const PROVISIONED = 6;
const LOOK_INTERVAL_MS = 500;
/** Memory counts as settled when so many looks in a row saw the same processes with about the same. */
const SETTLED_LOOKS = 4;
const LOOKS_MAX = 60;
const SAME_SHARE = 0.01;

const CASES: readonly { readonly name: string; readonly workload: Workload | undefined }[] = [
  { name: "ready, no code", workload: undefined },
  { name: "ready, 1 KB loaded", workload: bundleOf(1_000) },
  { name: "ready, 350 KB loaded", workload: bundleOf(350_000) },
  { name: "ready, 4 MB loaded", workload: bundleOf(4_000_000) },
];

export async function memory(context: Context): Promise<PartResult> {
  const rows: Row[] = [];
  for (const { name, workload } of CASES) {
    context.progress(name);
    await using invoked = await Invoked.start({
      flags: ["--pool-size", workload === undefined ? String(PROVISIONED) : "1"],
    });
    if (workload !== undefined) {
      const id = await invoked.deploy(workload);
      await invoked.set(id, "provisionedConcurrency", PROVISIONED);
      await invoked.call(id, workload)();
    }
    const processes = await settledProcesses(invoked.server.pid);
    // The one without the code is the smallest.
    const loaded = processes.toSorted((a, b) => b.privately - a.privately).slice(0, PROVISIONED);
    rows.push(...rowsOf(name, loaded));
  }
  rows.push(...await serverMemory(context));
  const values = (what: string) =>
    CASES.map(({ name }) =>
      rows.find(({ measure, subject }) => measure === what && subject === name)?.p50
    );
  return {
    rows,
    charts: {
      memory: {
        kind: "bars",
        title: "Memory of a process that waits, median",
        amount: "MiB",
        labels: CASES.map(({ name }) => name),
        series: [{ name: PSS, values: values(PSS) }, { name: PRIVATE, values: values(PRIVATE) }],
      },
    },
    notes: [],
  };
}

const PSS = "Pss";
const PRIVATE = "private";

function rowsOf(subject: string, of: readonly Memory[]): Row[] {
  const options = { part: "memory", subject, unit: "MiB" } as const;
  return [
    rowOf({ ...options, measure: PSS }, of.map(({ pss }) => pss)),
    rowOf({ ...options, measure: PRIVATE }, of.map(({ privately }) => privately)),
  ];
}

/** The memory of all processes that wait, once it does not change any more. */
async function settledProcesses(server: number): Promise<Memory[]> {
  let last: readonly Memory[] = [];
  let same = 0;
  for (let look = 0; look < LOOKS_MAX; look++) {
    await pause(LOOK_INTERVAL_MS);
    const now = await readyProcesses(server);
    const [before, after] = [last, now].map((all) => all.reduce((sum, { pss }) => sum + pss, 0));
    const isSame = last.length === now.length && before !== undefined && after !== undefined &&
      Math.abs(after - before) <= SAME_SHARE * before;
    same = isSame ? same + 1 : 0;
    last = now;
    if (same >= SETTLED_LOOKS) return now;
  }
  throw new Error(`The memory of the processes did not settle in ${LOOKS_MAX} looks`);
}

/** The descendants without children: the processes that isolate them are not counted. */
async function readyProcesses(server: number): Promise<Memory[]> {
  const found: Memory[] = [];
  for (const pid of descendantsOf(server)) {
    if (childrenOf(pid).length > 0) continue;
    const memory = await memoryOf(pid);
    if (memory !== undefined) found.push(memory);
  }
  return found;
}
