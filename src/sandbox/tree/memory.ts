/** The memory of the processes of a tree, seen from outside. */
import { readAllProcfs } from "../../isolation/mod.ts";
import type { ForkStatus } from "../contract.ts";

const BYTES_PER_KIB = 1024;
/** Lines of `smaps_rollup` that count pages of one process alone. */
const PRIVATE = /^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm;

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
    root: { count: 1, privateBytes: await privateBytesOf([zygote]) },
    templates: {
      blank: genericTemplates.length,
      script: scriptTemplates.length,
      privateBytes: await privateBytesOf(templates),
    },
    instances: { count: instances.length, waiting, privateBytes: await privateBytesOf(instances) },
  };
}

/** The sum of several trees; undefined without any. */
export function sumOf(statuses: readonly ForkStatus[]): ForkStatus | undefined {
  if (statuses.length === 0) return undefined;
  const sum = (of: (status: ForkStatus) => number) =>
    statuses.reduce((total, status) => total + of(status), 0);
  return {
    root: {
      count: sum(({ root }) => root.count),
      privateBytes: sum(({ root }) => root.privateBytes),
    },
    templates: {
      blank: sum(({ templates }) => templates.blank),
      script: sum(({ templates }) => templates.script),
      privateBytes: sum(({ templates }) => templates.privateBytes),
    },
    instances: {
      count: sum(({ instances }) => instances.count),
      waiting: sum(({ instances }) => instances.waiting),
      privateBytes: sum(({ instances }) => instances.privateBytes),
    },
  };
}

async function privateBytesOf(pids: readonly number[]): Promise<number> {
  const text = await readAllProcfs(pids.map((pid) => `${pid}/smaps_rollup`));
  return [...text.matchAll(PRIVATE)].reduce((sum, [, kib]) => sum + Number(kib), 0) *
    BYTES_PER_KIB;
}
