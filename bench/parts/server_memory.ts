/** Memory of a server with all of its processes: after its start, after calls of many functions, and at rest again. */
import { descendantsOf } from "../../tests/support/processes.ts";
import type { Context } from "../context.ts";
import { Invoked } from "../invoked.ts";
import { type Call, oneByOne, pause } from "../load.ts";
import { type Memory, memoryOf } from "../process_memory.ts";
import { type Row, rowOf } from "../report.ts";
import { bundleOf, HELLO } from "../workload.ts";

const FUNCTIONS = 200;
const FUNCTIONS_QUICK = 40;
const FUNCTION_BYTES = 1_000;
const CALLS = 2000;
/** A server at rest has returned its free memory by then. */
const STARTED_MS = 12_000;
const REST_MS = 60_000;

/** The rows of a server of a clone, which loads a thousand modules, with its default settings. */
export async function serverMemory(context: Context): Promise<Row[]> {
  await using invoked = await Invoked.start();
  context.progress("the server, 12 s after its start");
  await pause(STARTED_MS);
  const rows = await rowsOf(invoked, "started");
  const count = context.isQuick ? FUNCTIONS_QUICK : FUNCTIONS;
  context.progress(`deploying ${count} functions, and calling each of them once`);
  const calls: Call[] = [];
  for (let n = 0; n < count; n++) {
    const workload = bundleOf(FUNCTION_BYTES, `once${n}`);
    calls.push(invoked.call(await invoked.deploy(workload), workload));
  }
  for (const call of calls) await call();
  rows.push(...await rowsOf(invoked, `after ${count} functions, each once`));
  await pause(REST_MS);
  rows.push(...await rowsOf(invoked, "a minute later"));
  context.progress(`calling one function ${CALLS} times`);
  const id = await invoked.deploy(HELLO);
  await oneByOne(CALLS, 0, invoked.call(id, HELLO));
  rows.push(...await rowsOf(invoked, `after ${CALLS} calls`));
  await pause(REST_MS);
  return [...rows, ...await rowsOf(invoked, "a minute after the calls")];
}

/** The server alone, and all processes, whose proportional sizes add up. */
async function rowsOf({ server: { pid } }: Invoked, when: string): Promise<Row[]> {
  const own = await memoryOf(pid);
  const others = await Promise.all(descendantsOf(pid).map(memoryOf));
  const all = [own, ...others].filter((memory) => memory !== undefined);
  const row = (measure: string, subject: string, of: readonly Memory[], name: keyof Memory) => {
    const sum = of.reduce((total, memory) => total + memory[name], 0);
    return rowOf({ part: "memory", measure, subject: `${subject}, ${when}`, unit: "MiB" }, [sum]);
  };
  return [
    row("Pss", "server", all.slice(0, 1), "pss"),
    row("private", "server", all.slice(0, 1), "privately"),
    row("Pss", `${all.length} processes`, all, "pss"),
  ];
}
