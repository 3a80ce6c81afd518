/** What a server and a worker print that cannot use their data directory or address: one line, with the way out. */
import assert from "node:assert/strict";
import { lchown } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { INVOKED, makeTempDir, type Run } from "../support/invoked.ts";
import { LocklessDisk } from "../support/lockless_disk.ts";
import { fuseTest, mountTest } from "../support/machine.ts";
import { SERVER_ENV } from "../support/server.ts";

/** Commands that open a data directory and run functions. The worker opens it before it connects. */
const COMMANDS = {
  serve: ["serve", "--port", "0", "--log-format", "json"],
  worker: ["worker", "--nats", "nats://127.0.0.1:1", "--log-format", "json"],
  doctor: ["doctor", "--json"],
} as const;
type Command = keyof typeof COMMANDS;
const BOTH: readonly Command[] = ["serve", "worker"];

/** Root without its rights: another user's files are closed to it, as they are to every user. */
const WITHOUT_RIGHTS = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--"];
const OTHER_USER = 65_534;

/** A command that becomes its arguments in a mount namespace with a file system in memory. */
function mounted(options: string, path: string): readonly string[] {
  const script = 'mount -t tmpfs -o "$1" invoked-test "$2" && shift 2 && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, "sh", options, path];
}

/** The diagnosis of the same directory: it exits with 3 and names the same reason, and leaves nothing behind. */
async function assertBroken(
  dataDir: string,
  launcher: readonly string[],
  message: RegExp,
): Promise<void> {
  const before = await namesAround(dataDir);
  const { code, stdout, stderr } = await start("doctor", dataDir, launcher);
  const { verdict, data: { obstacles } } = JSON.parse(stdout);
  assert.deepEqual([code, verdict], [3, "broken"], stderr);
  assert.match(stderr, /^error: The verdict is broken: .*\n$/);
  assert.equal(obstacles.length, 1, stdout);
  assert.match(obstacles[0], message);
  assert.deepEqual(await namesAround(dataDir), before);
}

async function namesAround(dataDir: string): Promise<string[]> {
  const names = async (path: string) =>
    await Array.fromAsync(Deno.readDir(path), (entry) => entry.name).catch(() => []);
  return [...await names(dataDir), ...await names(dirname(dataDir))].toSorted();
}

function commandOf(
  command: Command,
  dataDir: string,
  launcher: readonly string[],
  flags: readonly string[] = [],
): Deno.Command {
  const [program = "", ...args] = [
    ...launcher,
    INVOKED,
    ...COMMANDS[command],
    ...["--data", dataDir],
    ...flags,
  ];
  const streams = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  return new Deno.Command(program, { args, clearEnv: true, env: { ...SERVER_ENV }, ...streams });
}

async function start(...command: Parameters<typeof commandOf>): Promise<Run> {
  const { code, stdout, stderr } = await commandOf(...command).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** One line beside the log, with exit code 1. */
function assertOneLine({ code, stdout, stderr }: Run, message: RegExp): void {
  assert.deepEqual([code, stdout], [1, ""], stderr);
  const [line = "", ...more] = stderr.trim().split("\n").filter((line) => !line.startsWith("{"));
  assert.deepEqual(more, [], stderr);
  assert.match(line, message);
  assert.match(line, /^error: /);
}

mountTest(
  "a data directory that cannot be used is rejected in one line, with the way out",
  async () => {
    await using parent = await makeTempDir();
    const { path } = parent;
    const dataDir = join(path, "data");
    const inMount: Record<string, RegExp> = {
      "ro": /data is not usable: its file system is read-only; mount it writable, or .* --data$/,
      "noexec":
        /data is not usable: programs do not run in .*noexec.*; mount .* without noexec, or /,
    };
    for (const [options, message] of Object.entries(inMount)) {
      for (const command of BOTH) {
        assertOneLine(await start(command, dataDir, mounted(options, path)), message);
      }
      if (options === "noexec") await assertBroken(dataDir, mounted(options, path), message);
    }
    const full = await start("worker", dataDir, mounted("nr_inodes=1", path));
    assertOneLine(full, /data is not usable: no space left on device; free space, or .* --data$/);
    const file = join(path, "file");
    await Deno.writeTextFile(file, "");
    for (const command of BOTH) {
      assertOneLine(
        await start(command, file, []),
        /it is a file, not a directory; choose .*--data$/,
      );
    }
    await assertBroken(file, [], /it is a file, not a directory; choose .*--data$/);
  },
);

mountTest(
  "the local server of a command names its folder, not the directory that nobody chose",
  async () => {
    await using parent = await makeTempDir();
    const { path } = parent;
    const example = fileURLToPath(new URL("../../examples/hello", import.meta.url));
    const copied = 'cp -r "$1/." "$2" && cd "$2" && shift 2 && exec "$@"';
    const launcher = [...mounted("noexec", path), "sh", "-c", copied, "sh", example, path];
    const [program = "", ...args] = [...launcher, INVOKED, "test"];
    const { code, stderr } = await new Deno.Command(program, {
      args,
      clearEnv: true,
      env: SERVER_ENV,
    })
      .output();
    assert.equal(code, 1);
    assert.match(
      new TextDecoder().decode(stderr),
      /^error: The local server did not start: .*programs do not run in .*noexec.*\nnext: move the function's folder .*TMPDIR\n$/m,
    );
  },
);

mountTest("a directory or file of another user is named with both users", async () => {
  await using parent = await makeTempDir();
  const dataDir = join(parent.path, "data");
  const belongs = (path: string) =>
    new RegExp(
      `Data directory ${dataDir} is not usable: ${path} belongs to another user ` +
        `\\(uid ${OTHER_USER}\\) than the server's \\(uid 0\\); start the server as its owner, .*chown`,
    );
  await Deno.mkdir(dataDir);
  await Deno.chown(dataDir, OTHER_USER, OTHER_USER);
  for (const command of BOTH) {
    assertOneLine(await start(command, dataDir, WITHOUT_RIGHTS), belongs(dataDir));
  }
  await assertBroken(dataDir, WITHOUT_RIGHTS, belongs(dataDir));
  // As the kubelet makes a volume of a pod that is not root.
  await Deno.chmod(dataDir, 0o2777);
  const inside = new RegExp(
    `another user .*; choose a directory in it, such as ${dataDir}/node, with --data`,
  );
  assertOneLine(await start("serve", dataDir, WITHOUT_RIGHTS), inside);
  await assertBroken(dataDir, WITHOUT_RIGHTS, inside);
  await Deno.chmod(dataDir, 0o700);
  await Deno.chown(dataDir, 0, 0);
  // Of files that it does not use, a server needs nothing.
  const used = ["lock", "invoked.db", "master.key"];
  const unused = ["credentials.json", "invoked.db.bak"];
  for (const name of [...used, ...unused]) {
    await Deno.writeTextFile(join(dataDir, name), "", { mode: 0o600 });
  }
  for (const name of unused) await Deno.chown(join(dataDir, name), OTHER_USER, OTHER_USER);
  // One at a time: which of several a server finds first, the file system decides.
  for (const name of used) {
    await Deno.chown(join(dataDir, name), OTHER_USER, OTHER_USER);
    const run = await start("serve", dataDir, WITHOUT_RIGHTS);
    assertOneLine(run, belongsToOther(join(dataDir, name)));
    await Deno.chown(join(dataDir, name), 0, 0);
  }
  assertOneLine(await start("serve", dataDir, WITHOUT_RIGHTS), /^error: Invalid master key/);
});

mountTest(
  "root adds nothing to the directory of another user, and follows none of its links",
  async () => {
    await using parent = await makeTempDir();
    const dataDir = join(parent.path, "data");
    const lock = join(dataDir, "lock");
    const elsewhere = join(parent.path, "elsewhere");
    await Deno.mkdir(dataDir);
    await Deno.symlink(elsewhere, lock);
    const isNoFile = new RegExp(`${lock} is not a regular file; remove it, or choose .*--data$`);
    for (const command of BOTH) assertOneLine(await start(command, dataDir, []), isNoFile);
    await assertBroken(dataDir, [], isNoFile);
    await assert.rejects(Deno.lstat(elsewhere), Deno.errors.NotFound);
    await Deno.remove(lock);

    // The lock is gone while no server runs, and whoever owns the directory could remove it.
    const database = join(dataDir, "invoked.db");
    await Deno.symlink(elsewhere, database);
    for (const path of [dataDir, database]) await lchown(path, OTHER_USER, OTHER_USER);
    for (const command of BOTH) {
      assertOneLine(await start(command, dataDir, []), belongsToOther(database));
    }
    // To diagnose it, root only reads.
    const { stdout } = await start("doctor", dataDir, []);
    assert.deepEqual(JSON.parse(stdout).data.obstacles, []);
    assert.deepEqual(await namesAround(dataDir), ["data", "invoked.db"]);
  },
);

/** What a command of root says of a file in a data directory. */
function belongsToOther(path: string): RegExp {
  return new RegExp(
    `is not usable: ${path} belongs to another user \\(uid ${OTHER_USER}\\) than this command's ` +
      `\\(root\\); run the command as that user, as in sudo -u '#${OTHER_USER}' invoked, or .*--data$`,
  );
}

fuseTest("a file system without locks is rejected, because two servers could use it", async () => {
  await using disk = await LocklessDisk.mount();
  const message =
    /is not usable: its file system does not support locks \(.*\); choose a directory on a local file/;
  for (const command of BOTH) {
    assertOneLine(await start(command, join(disk.path, command), []), message);
  }
  await assertBroken(join(disk.path, "doctor"), [], message);
});

mountTest(
  "a server that waits for space says so, and names the way out when it is stopped",
  async () => {
    await using parent = await makeTempDir();
    const { path } = parent;
    const dataDir = join(path, "data");
    const waiting = commandOf("serve", dataDir, mounted("nr_inodes=1", path)).spawn();
    const [followed, kept] = waiting.stderr.tee();
    const stderr = new Response(kept).text();
    let text = "";
    let isStopped = false;
    for await (const chunk of followed.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (isStopped || !text.includes("The start waits for space")) continue;
      isStopped = true;
      waiting.kill("SIGTERM");
    }
    const { code } = await waiting.status;
    await waiting.stdout.cancel();
    assertOneLine(
      { code, stdout: "", stderr: await stderr },
      /data is not usable: no space left .*--data$/,
    );
  },
);

mountTest("an address on which a server may not listen is rejected in one line", async () => {
  await using parent = await makeTempDir();
  const dataDir = join(parent.path, "data");
  const low = await start("serve", dataDir, WITHOUT_RIGHTS, ["--port", "80"]);
  assertOneLine(
    low,
    /^error: This user may not listen on port 80 of 127\.0\.0\.1; choose a port above 1023 with --port, or/,
  );
  assertOneLine(
    await start("serve", dataDir, [], ["--host", "192.0.2.1"]),
    /^error: 192\.0\.2\.1 is not an address of this machine; choose .* --host; /,
  );
  // Nobody outside of this machine is asked for the name.
  const script = 'mount --bind /dev/null /etc/resolv.conf && exec "$@"';
  assertOneLine(
    await start("serve", dataDir, ["unshare", "--mount", "sh", "-c", script, "sh"], [
      ...["--host", "name.invalid"],
    ]),
    /^error: No address is known for the name name\.invalid; correct --host, or /,
  );
});
