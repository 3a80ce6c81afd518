/** Servers with few rights: which isolation they find, and what they report of the rest. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Json } from "../support/client.ts";
import { pathOf } from "../support/diagnosis.ts";
import { makeTempDir } from "../support/invoked.ts";
import { AVAILABLE_MODES } from "../support/machine.ts";
import {
  denying,
  doctorUnder,
  LANDLOCK_CALLS,
  NAMESPACE_CALLS,
  searchPathOf,
  unprivileged,
  USER,
} from "../support/restricted.ts";
import { TestServer } from "../support/server.ts";

const setpriv = await pathOf("setpriv") ?? "";

/** Registers a test that gives rights up, which needs to have them. */
function rightsTest(name: string, body: (home: string) => Promise<void>): void {
  const hasAll = ["bubblewrap", "landlock"].every((mode) =>
    AVAILABLE_MODES.some((one) => one === mode)
  );
  if (Deno.uid() !== 0 || !hasAll) return;
  Deno.test(name, async () => {
    await using directory = await makeTempDir();
    await Deno.chown(directory.path, USER, USER);
    await body(directory.path);
  });
}

/** Whether one recommendation names what is lost, its cost and the flag. */
function assertRecommends({ missing }: Json, lost: RegExp, flag: RegExp): void {
  const found = missing.filter((one: Json) => lost.test(one.missing) && flag.test(one.command));
  assert.equal(found.length, 1, JSON.stringify(missing));
}

rightsTest(
  "a root server that may not inspect other users' processes forks, with no program but a shell and the wrappers",
  async (home) => {
    const path = await searchPathOf(join(home, "bin"), {
      sh: await pathOf("busybox") === undefined ? "sh" : "busybox",
      setpriv: "setpriv",
      bwrap: "bwrap",
    });
    const without = [setpriv, "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", "--"];
    const { isolation, missing } = await doctorUnder(without, { home, path });
    assert.equal(isolation.selected, "bubblewrap");
    assert.equal(isolation.forks.available, true, isolation.forks.detail);
    assert.deepEqual(missing, []);
  },
);

rightsTest(
  "a container that denies namespaces has forks in Landlock, and the server names the flag that allows them",
  async (home) => {
    const filter = await denying(join(home, "filter"), NAMESPACE_CALLS);
    const launcher = unprivileged(setpriv, filter);
    const { isolation, missing } = await doctorUnder(launcher, { home });
    assert.equal(isolation.selected, "landlock");
    assert.equal(isolation.forks.available, true, isolation.forks.detail);
    assertRecommends(
      { missing },
      /^namespaces \(the seccomp profile denies them\): functions .*time$/,
      /seccomp=/,
    );
    const dataDir = join(home, "data");
    const env = { HOME: home, TMPDIR: home };
    await using server = await TestServer.start({ launcher, dataDir, env, fresh: true });
    assert.match(server.welcome, /landlock/);
    await server.stop();
    const line = (await server.log).split("\n").filter((one) => one.includes("for lack of"));
    assert.equal(line.length, 2, "one for functions, one for builds");
    assert.match(line.join(), /for lack of namespaces .*: functions .*no cost in time.*seccomp=/);
  },
);

rightsTest("a server without Landlock and namespaces names both", async (home) => {
  const filter = await denying(join(home, "filter"), [...NAMESPACE_CALLS, ...LANDLOCK_CALLS]);
  const report = await doctorUnder(unprivileged(setpriv, filter), { home });
  assert.equal(report.isolation.selected, "process");
  assert.equal(report.isolation.forks.available, false);
  assertRecommends(report, /^namespaces/, /seccomp=/);
  assertRecommends(
    report,
    /^Landlock .*each invocation starts a process, 12 ms slower$/,
    /util-linux/,
  );
});

rightsTest("a server with a masked /proc names the flag that builds need", async (home) => {
  const mask = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount --bind /dev/null /proc/version && exec "$@"',
    "sh",
  ];
  const report = await doctorUnder([...mask, ...unprivileged(setpriv)], { home });
  assert.equal(report.isolation.selected, "bubblewrap");
  assert.match(report.isolation.builds.detail, /^landlock/);
  assertRecommends(
    report,
    /^a \/proc without masks: builds .*time$/,
    /systempaths=.*unmask=ALL.*procMount/,
  );
});

rightsTest("a host without user namespaces names the setting", async (home) => {
  // In its namespace the user is root outside.
  await Deno.chown(home, 0, 0);
  const limit = "echo 0 >/proc/sys/user/max_user_namespaces && exec";
  const report = await doctorUnder([
    ...[
      "unshare",
      "--user",
      `--map-user=${USER}`,
      "--keep-caps",
      "sh",
      "-c",
      `${limit} "$@"`,
      "sh",
    ],
    ...[
      setpriv,
      "--no-new-privs",
      "--ambient-caps=-all",
      "--inh-caps=-all",
      "--bounding-set=-all",
      "--",
    ],
  ], { home });
  assert.equal(report.isolation.selected, "landlock");
  assertRecommends(
    report,
    /^user namespaces for users \(user.max_user_namespaces is 0\)/,
    /^sysctl -w user.max_user_namespaces=15000$/,
  );
});

rightsTest("a root server without capabilities names the user that needs none", async (home) => {
  const none = [setpriv, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--"];
  await Deno.chown(home, 0, 0);
  const report = await doctorUnder(none, { home });
  assert.equal(report.isolation.selected, null);
  assertRecommends(report, /^capabilities of root/, /--user 10001.*runAsUser/);
});
