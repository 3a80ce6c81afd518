/** Forks share the code of their zygote in huge pages. */
import assert from "node:assert/strict";
import { AVAILABLE_MODES, output, sandboxTest, treePids } from "./harness.ts";

const HUGE_PAGE_KIB = 2048;
const HUGE_PAGE_FILE = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";

/** An area of `/proc/PID/smaps` of at least one huge page that can be executed and belongs to no file. */
const CODE = /^[0-9a-f]+-[0-9a-f]+ r-xp \S+ 00:00 0 *\nSize: +(\d+) kB\n(?:\w+:.*\n)*/gm;

function sizesIn(smaps: string): { mapped: number; resident: number; huge: number }[] {
  const kibOf = (area: string, name: string) =>
    Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(area)?.[1]);
  return [...smaps.matchAll(CODE)].map(([area]) => ({
    mapped: kibOf(area, "Size"),
    resident: kibOf(area, "Rss"),
    huge: kibOf(area, "AnonHugePages"),
  })).filter(({ mapped }) => mapped >= HUGE_PAGE_KIB);
}

/** Whether the kernel can make huge pages of the size that the runtime knows. */
async function hasHugePages(): Promise<boolean> {
  const bytes = await Deno.readTextFile(HUGE_PAGE_FILE).catch(() => "");
  return Number(bytes) === HUGE_PAGE_KIB * 1024;
}

sandboxTest(
  "the code of a zygote and of its forks is in huge pages",
  async (sandboxes, _context, _mode, cacheDir) => {
    await output(sandboxes, "const main = () => ({});");
    const expected = await hasHugePages();
    const pids = await treePids(cacheDir);
    assert.ok(pids.length > 2, "a zygote, templates and instances run");
    let seen = 0;
    for (const pid of pids) {
      const smaps = await Deno.readTextFile(`/proc/${pid}/smaps`).catch(() => undefined);
      // It has ended, or is a wrapper of the zygote.
      if (!smaps?.includes("/deno\n")) continue;
      seen++;
      const sizes = sizesIn(smaps);
      assert.equal(sizes.length > 0, expected, `the code of process ${pid}`);
      for (const { mapped, resident, huge } of sizes) {
        assert.deepEqual([resident, huge], [mapped, mapped], "it takes whole huge pages");
      }
    }
    assert.ok(seen > 1);
  },
  { poolSize: 2 },
  AVAILABLE_MODES,
);
