/**
 * What the types of a C1 tenant cost the type check of a function, in processor time and peak memory:
 * `node_modules/deno/deno run --allow-all bench/tenant_types.ts`. It needs Linux. The rounds alternate, so that all see
 * the same machine.
 */
import { join } from "node:path";
import { SDK_IMPORTS } from "../src/builder/sdk.ts";
import { median } from "./statistics.ts";

const ROUNDS = 5;
const POLL_MS = 2;
const MIB_KIB = 1024;
/** Of `sysconf(_SC_CLK_TCK)` on Linux. */
const TICKS_PER_SECOND = 100;
const TYPES = "tenant_types.d.ts";
const LIMIT_SECONDS = 3;
const LIMIT_MIB = 200;

/** The same function, with and without a call of a tenant. */
const PLAIN = `import { sdk } from "@c1/functions-sdk";
export default async () => ({ id: (await sdk.auth.introspect()).introspectResponse?.userId ?? "" });
`;
const CALLING = `import { sdk } from "@c1/functions-sdk";
export default async () => ({ count: (await sdk.apps.list()).listAppsResponse?.list?.length ?? 0 });
`;

interface Cost {
  /** Processor time of all threads. */
  readonly seconds: number;
  readonly peakMib: number;
}

/**
 * Prepares a folder with the modules of the server and a function.
 * @param types in place of the types of a tenant; undefined for those
 */
async function prepare(main: string, types: string | undefined): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "tenant-types-" });
  const sdk = join(directory, "sdk");
  await Deno.mkdir(sdk);
  const source = join(import.meta.dirname ?? "", "../sdk");
  for await (const { name } of Deno.readDir(source)) {
    await Deno.copyFile(join(source, name), join(sdk, name));
  }
  if (types !== undefined) await Deno.writeTextFile(join(sdk, TYPES), types);
  await Deno.writeTextFile(join(directory, "main.ts"), main);
  await Deno.writeTextFile(join(directory, "deno.json"), JSON.stringify({ imports: SDK_IMPORTS }));
  return directory;
}

/** Types with the names that other modules of the SDK use, and nothing else. */
async function withoutTenant(): Promise<string> {
  const methods = await Deno.readTextFile(new URL("../sdk/user_methods.ts", import.meta.url));
  const names = new Set([...methods.matchAll(/\btenant\.([A-Z]\w*)/g)].map(([, name]) => name));
  return ["TenantNamespaces", ...names]
    .map((name) => `export interface ${name} { [field: string]: any }\n`).join("");
}

/** Checks the function once, as the server does, with an empty cache. */
async function check(directory: string): Promise<Cost> {
  const cache = await Deno.makeTempDir({ prefix: "tenant-types-cache-" });
  const before = await childTicks();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["check", "--v8-flags=--no-opt,--min-semi-space-size=16", "--quiet", "main.ts"],
    cwd: directory,
    env: { DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1" },
    stderr: "inherit",
  }).spawn();
  const watch = new AbortController();
  const peak = peakKib(child.pid, watch.signal);
  const { success } = await child.status;
  watch.abort();
  await Deno.remove(cache, { recursive: true });
  if (!success) throw new Error(`The check of ${directory} found errors`);
  const seconds = (await childTicks() - before) / TICKS_PER_SECOND;
  return { seconds, peakMib: await peak / MIB_KIB };
}

/** Processor time of all children of this process that have ended, in ticks. */
async function childTicks(): Promise<number> {
  const stat = await Deno.readTextFile("/proc/self/stat");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Fields 16 and 17 of proc(5), cutime and cstime; the third field is the first here.
  return Number(fields[13]) + Number(fields[14]);
}

/** The peak of a process's memory until the signal, in KiB. */
async function peakKib(pid: number, signal: AbortSignal): Promise<number> {
  let peak = 0;
  while (!signal.aborted) {
    const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
    peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0));
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return peak;
}

const variants = {
  "without the types": await prepare(PLAIN, await withoutTenant()),
  "with the types": await prepare(PLAIN, undefined),
  "with a call of a tenant": await prepare(CALLING, undefined),
};
const costs = new Map<string, Cost[]>(Object.keys(variants).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, directory] of Object.entries(variants)) {
    costs.get(name)?.push(await check(directory));
  }
}
for (const directory of Object.values(variants)) await Deno.remove(directory, { recursive: true });
const rows = Array.from(costs, ([name, each]) => ({
  check: name,
  "processor time, s": median(each.map(({ seconds }) => seconds)),
  "peak memory, MiB": Math.round(median(each.map(({ peakMib }) => peakMib))),
}));
console.table(rows);
const [without, , calling] = rows;
if (without !== undefined && calling !== undefined) {
  const seconds = calling["processor time, s"] - without["processor time, s"];
  const mib = calling["peak memory, MiB"] - without["peak memory, MiB"];
  const isWithin = seconds <= LIMIT_SECONDS && mib <= LIMIT_MIB;
  console.log(
    `The types add ${seconds.toFixed(2)} s and ${mib} MiB, ${isWithin ? "within" : "above"} ` +
      `the limits of ${LIMIT_SECONDS} s and ${LIMIT_MIB} MiB`,
  );
  if (!isWithin) Deno.exit(1);
}
