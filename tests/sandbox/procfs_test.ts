/** The server reads `/proc` by a shell alone, whichever it is. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { pathOf } from "../support/diagnosis.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { procfsTest } from "../support/machine.ts";
import { childrenOf } from "../support/processes.ts";

const MAIN = fileURLToPath(import.meta.resolve("./procfs_main.ts"));
/** A name with everything that a parser may stumble over. */
const NAME = "a) R 1 2\n(b) S";

/** Lines of a status that change while a process sleeps: they count its user's signals, its memory and its switches. */
const CHANGING = /^(?:SigQ|Vm\w+|Rss\w+|\w*ctxt_switches|Cpus_allowed\w*):.*$/gm;

/** Each shell that is installed. */
const SHELLS = (await Promise.all(["dash", "busybox", "bash"].map(pathOf)))
  .filter((path) => path !== undefined);

procfsTest("/proc is read by every shell, without another program", async (context) => {
  assert.ok(SHELLS.length > 0);
  await using directory = await makeTempDir();
  // The name of a process that a shell starts is that of its program.
  const program = `${directory.path}/${NAME}`;
  await Deno.copyFile(await pathOf("sleep") ?? "", program);
  await Deno.chmod(program, 0o755);
  const parent = new Deno.Command("sh", {
    args: ["-c", '"$1" 1000; :', "sh", program],
    detached: true,
  }).spawn();
  const rename = 'while :; do printf x >"/proc/$$/comm"; printf "$1" >"/proc/$$/comm"; done';
  const renaming = new Deno.Command("sh", { args: ["-c", rename, "sh", NAME], detached: true })
    .spawn();
  const child = await eventually(() => childrenOf(parent.pid)[0], "the child of the process");
  const read = (file: string) => Deno.readTextFile(`/proc/${file}`);
  await eventually(async () => (await read(`${child}/stat`)).includes(NAME) || undefined);
  for (const shell of SHELLS) {
    await context.step(shell, async () => {
      const path = `${directory.path}/${shell.replaceAll("/", "-")}`;
      await Deno.mkdir(path);
      await Deno.symlink(shell, `${path}/sh`);
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-check",
          "--allow-run",
          MAIN,
          ...[parent.pid, child, renaming.pid].map(String),
        ],
        env: { PATH: path },
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert.notEqual(text, "", new TextDecoder().decode(stderr));
      const found = JSON.parse(text);
      const steady = (status: string) => status.replaceAll(CHANGING, "");
      const status = steady(await read(`${child}/status`));
      assert.equal(steady(found.status), status);
      assert.equal(found.missing, null);
      assert.equal(found.setting, (await read("sys/kernel/core_uses_pid")).slice(0, 1) + "\n");
      assert.equal(found.all, await read(`${child}/comm`) + await read(`${parent.pid}/comm`));
      // The kernel copies a name without a lock: of a name that changes, it may be the beginning.
      const names = ["x", "sh", ...Array.from(NAME, (_, end) => NAME.slice(0, end + 1))];
      const whole = new RegExp(
        `^${renaming.pid} \\((?:${names.map((name) => RegExp.escape(name)).join("|")})\\) [A-Z] ` +
          `${Deno.pid} ${renaming.pid} .*$`,
        "gm",
      );
      assert.equal(
        found.renaming.replaceAll(whole, "").trim(),
        "",
        "a file is read at one instant",
      );
      assert.deepEqual({ ...found.innermost, status: steady(found.innermost.status) }, {
        pid: child,
        status,
      });
      assert.ok(found.cpuMs >= 0 && found.cpuMs < 1000);
      assert.equal(found.child, child);
      assert.equal(found.noChild, null);
      assert.deepEqual(
        found.fields.map(([path, fields]: [string, [string, string][]]) => [
          path,
          fields.map(([name]) => name).toSorted(),
        ]),
        [parent.pid, child].map((pid) => [`${pid}/status`, ["NSpid", "Threads"]]),
      );
      assert.equal(found.memory, 1);
      const statuses = new Map(found.statuses);
      assert.deepEqual(statuses.get(child), { parent: parent.pid, group: parent.pid });
      assert.deepEqual(statuses.get(1) !== undefined, true);
    });
  }
  for (const { pid, status } of [parent, renaming]) {
    Deno.kill(-pid, "SIGKILL");
    await status;
  }
});
