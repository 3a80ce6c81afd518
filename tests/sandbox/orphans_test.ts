/** A process that an escaped invocation leaves behind ends with the template of that invocation. */
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { childrenOf } from "../support/processes.ts";
import { findProgram } from "../../src/isolation/machine.ts";
import { AVAILABLE_MODES, makeCacheDir, poolOf, run, SEARCH_PATH, treePids } from "./harness.ts";

const POOL = { poolSize: 2, cpuTimeMs: 60_000 };
/** Reads the clock: on a busy machine another script may earn a template by its evaluations. */
const GOOD = "const at = Date.now(); const main = () => ({ ok: at && 1 });";

interface Found {
  readonly pid: number;
  readonly group: number;
}

/** The processes with this argument, and their groups. */
async function processesWith(argument: string): Promise<Found[]> {
  const found: Found[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const read = (file: string) => Deno.readTextFile(`/proc/${name}/${file}`).catch(() => "");
    if (!(await read("cmdline")).split("\0").includes(argument)) continue;
    const group = Number(/^NSpgid:\t(\d+)/m.exec(await read("status"))?.[1]);
    if ((await read("cmdline")).startsWith("sleep")) found.push({ pid: Number(name), group });
  }
  return found;
}

/** A directory with a `setsid` that leaves a process in each new group, with a parent outside of it. */
async function leavingSetsid(argument: string): Promise<string> {
  const directory = await Deno.makeTempDir();
  const real = await findProgram("setsid", SEARCH_PATH);
  const leave = `(sleep ${argument} </dev/null >/dev/null 2>&1 &); exec "$@"`;
  await Deno.writeTextFile(
    `${directory}/setsid`,
    `#!/bin/sh\nexec ${real} /bin/sh -c '${leave}' sh "$@"\n`,
    { mode: 0o755 },
  );
  return directory;
}

// In bubblewrap mode a process namespace ends all of its processes.
for (const mode of AVAILABLE_MODES.filter((mode) => mode !== "bubblewrap" && Deno.uid() === 0)) {
  Deno.test(`${mode}: what an invocation left behind ends with its template, or with the zygote`, async () => {
    const cacheDir = await makeCacheDir();
    const argument = `${100_000 + Deno.pid}.${AVAILABLE_MODES.indexOf(mode)}`;
    const wrappers = await leavingSetsid(argument);
    {
      const searchPath = `${wrappers}:${SEARCH_PATH}`;
      await using sandboxes = poolOf(mode, cacheDir, POOL, { searchPath });
      await sandboxes.start();
      const zygoteWithOrphan = () =>
        eventually(async () => {
          const pids = await treePids(cacheDir);
          const orphan = (await processesWith(argument)).find(({ group }) => pids.includes(group));
          const templates = orphan === undefined ? [] : childrenOf(orphan.group);
          return templates.length > 1 && orphan ? { ...orphan, templates } : undefined;
        }, "a zygote with templates, and a process that does not belong to it");
      const isGone = async (pid: number) =>
        !(await processesWith(argument)).some((found) => found.pid === pid);
      // Its probe has ended: without one of its templates that would fail.
      const succeedsFromZygote = () =>
        eventually(async () => {
          const { outcome, process } = await run(sandboxes, GOOD);
          return outcome.kind === "success" && process === "root" || undefined;
        }, "an invocation that succeeds from the zygote");
      await succeedsFromZygote();
      const first = await zygoteWithOrphan();
      const [template] = first.templates;
      assert.ok(template);
      Deno.kill(template, "SIGKILL");
      await eventually(() => isGone(first.pid) || undefined, "the end of the process");
      // An instance of the killed template may have taken an invocation before its own end.
      await succeedsFromZygote();
      assert.ok((await treePids(cacheDir)).includes(first.group), "the zygote lives on");

      Deno.kill(first.group, "SIGKILL");
      // The killed zygote may still be seen.
      const second = await eventually(async () => {
        const found = await zygoteWithOrphan();
        return found.group === first.group ? undefined : found;
      }, "another zygote");
      Deno.kill(second.group, "SIGKILL");
      await eventually(() => isGone(second.pid) || undefined, "the end of the process");
    }
    await eventually(async () => (await processesWith(argument)).length === 0 || undefined);
    for (const directory of [cacheDir, wrappers]) await Deno.remove(directory, { recursive: true });
  });
}
