/** Servers with few rights: which isolation they find, and what they report of the rest. */
import assert from "node:assert/strict";
import { makeTempDir } from "../support/invoked.ts";
import { AVAILABLE_MODES } from "../support/machine.ts";
import { doctorUnder, searchPathOf } from "../support/restricted.ts";
import { pathOf } from "../support/diagnosis.ts";

if (Deno.uid() === 0 && AVAILABLE_MODES.includes("bubblewrap")) {
  Deno.test("a root server that may not inspect other users' processes forks, with no program but a shell and the wrappers", async () => {
    await using directory = await makeTempDir();
    const { path: home } = directory;
    await Deno.chmod(home, 0o755);
    const path = await searchPathOf(`${home}/bin`, {
      sh: await pathOf("busybox") === undefined ? "sh" : "busybox",
      setpriv: "setpriv",
      bwrap: "bwrap",
    });
    const setpriv = await pathOf("setpriv") ?? "";
    const without = [setpriv, "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", "--"];
    const { isolation } = await doctorUnder(without, { home, path });
    assert.equal(isolation.selected, "bubblewrap");
    assert.deepEqual(isolation.forks.available, true, isolation.forks.detail);
  });
}
