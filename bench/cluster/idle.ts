/** Resources that each role of a cluster takes while no invocation runs. */
import { descendantsOf } from "../../tests/support/processes.ts";
import { pause } from "../load.ts";
import { memoryOf } from "../process_memory.ts";
import { type Row, rowOf } from "../report.ts";
import { processorMs } from "../scale/processor_time.ts";

export interface Role {
  readonly name: string;
  /** Its first process: all below it count. */
  readonly pid: number;
}

/** Memory of each role, and its processor time of a second. */
export async function measureIdle(roles: readonly Role[], seconds: number): Promise<Row[]> {
  const before = await Promise.all(roles.map(({ pid }) => processorMs(pid)));
  await pause(seconds * 1000);
  const after = await Promise.all(roles.map(({ pid }) => processorMs(pid)));
  const rows: Row[] = [];
  for (const [at, { name: subject, pid }] of roles.entries()) {
    const options = { part: "idle", subject };
    const used = ((after[at] ?? NaN) - (before[at] ?? NaN)) / seconds;
    rows.push(rowOf({ ...options, measure: "memory (Pss)", unit: "MiB" }, [await pssOf(pid)]));
    rows.push(rowOf({ ...options, measure: "processor, each second", unit: "ms" }, [used]));
  }
  return rows;
}

async function pssOf(pid: number): Promise<number> {
  const memories = await Promise.all([pid, ...descendantsOf(pid)].map(memoryOf));
  return memories.reduce((sum, memory) => sum + (memory?.pss ?? 0), 0);
}
