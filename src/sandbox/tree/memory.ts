/** The memory of the processes of a tree, seen from outside. */
import { bytesIn, readAllProcfs, readFields } from "../../isolation/mod.ts";
import type { ForkStatus, PrivateMemory } from "../contract.ts";

/** Fields of `smaps_rollup` that count pages of one process alone. */
const PRIVATE = ["Private_Clean", "Private_Dirty"] as const;

/** Ids of processes, in the namespace of the server. */
interface TreePids {
  readonly zygote: number;
  readonly genericTemplates: readonly number[];
  readonly scriptTemplates: readonly number[];
}

/** Counts the processes and their private memory. One that ends meanwhile counts without memory. */
export async function measureTree(
  { zygote, genericTemplates, scriptTemplates }: TreePids,
  waiting: number,
): Promise<ForkStatus> {
  const templates = [...genericTemplates, ...scriptTemplates];
  const children = await readAllProcfs(templates.map((pid) => `${pid}/task/${pid}/children`));
  const known = new Set(templates);
  const instances = children.split(/\s+/).filter((pid) => pid !== "").map(Number)
    .filter((pid) => !known.has(pid));
  return {
    root: { count: 1, ...await privateMemoryOf([zygote]) },
    templates: {
      blank: genericTemplates.length,
      script: scriptTemplates.length,
      ...await privateMemoryOf(templates),
    },
    instances: { count: instances.length, waiting, ...await privateMemoryOf(instances) },
  };
}

/** The sum of several trees; undefined without any. */
export function sumOf(statuses: readonly ForkStatus[]): ForkStatus | undefined {
  return statuses.length === 0 ? undefined : statuses.reduce((sum, status) => ({
    root: added(sum.root, status.root),
    templates: added(sum.templates, status.templates),
    instances: added(sum.instances, status.instances),
  }));
}

/** Adds the counts of two groups, and the memory if both have been measured. */
function added<Group extends PrivateMemory>(some: Group, others: Group): Group {
  const keys = Object.keys(some).filter((key) => key in others) as (keyof Group)[];
  const sums = keys.map((key) => [key, Number(some[key]) + Number(others[key])]);
  return Object.fromEntries(sums) as Group;
}

/** Nothing of processes that the server may not inspect. */
async function privateMemoryOf(pids: readonly number[]): Promise<PrivateMemory> {
  const found = await readFields(pids.map((pid) => `${pid}/smaps_rollup`), PRIVATE);
  if (found.size === 0 && pids.length > 0) return {};
  let privateBytes = 0;
  for (const fields of found.values()) {
    for (const name of PRIVATE) privateBytes += bytesIn(fields, name);
  }
  return { privateBytes };
}
