import assert from "node:assert/strict";
import {
  type Architecture,
  findProgram,
  furtherSeccompFilter,
  seccompFilter,
} from "../../src/isolation/mod.ts";
import {
  CHECKED_CALLS,
  DENIED_CALLS,
  FILE_CHANGING_CALLS,
  FORKING_CALLS,
  THREAD_SIGNALLING_CALLS,
} from "../../src/isolation/syscalls.ts";
import { AVAILABLE_MODES, SEARCH_PATH } from "./harness.ts";

const AUDIT_ARCH = { x86_64: 0xc000003e, aarch64: 0xc00000b7 };
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const EAFNOSUPPORT = 0x00050061;

interface Call {
  readonly nr: number;
  readonly arch: number;
  readonly arg0?: number;
  readonly arg1?: number;
  readonly arg2?: number;
}

/** All that is denied to a function whatever the arguments. */
const DENIED = { ...DENIED_CALLS, FILE_CHANGING_CALLS, FORKING_CALLS, THREAD_SIGNALLING_CALLS };

function verdict(filter: Uint8Array, call: Call): number {
  return judge(filter, call).verdict;
}

/** Runs a filter as the kernel does: classic BPF over `struct seccomp_data`. */
function judge(filter: Uint8Array, call: Call): { verdict: number; instructions: number } {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.nr, true);
  data.setUint32(4, call.arch, true);
  data.setUint32(16, call.arg0 ?? 0, true);
  data.setUint32(24, call.arg1 ?? 0, true);
  data.setUint32(32, call.arg2 ?? 0, true);
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  let accumulator = 0;
  let instructions = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const code = program.getUint16(at * 8, true);
    instructions++;
    const [then, otherwise] = [program.getUint8(at * 8 + 2), program.getUint8(at * 8 + 3)];
    const value = program.getUint32(at * 8 + 4, true);
    if (code === 0x20) accumulator = data.getUint32(value, true);
    else if (code === 0x06) return { verdict: value, instructions };
    else if (code === 0x15) at += accumulator === value ? then : otherwise;
    else if (code === 0x35) at += accumulator >= value ? then : otherwise;
    else if (code === 0x45) at += (accumulator & value) !== 0 ? then : otherwise;
    else assert.fail(`unknown operation ${code}`);
  }
  assert.fail("the filter runs past its end");
}

Deno.test("every class of calls is denied on both architectures, and calls that Deno uses are allowed", () => {
  for (const architecture of ["x86_64", "aarch64"] as const satisfies Architecture[]) {
    const column = architecture === "x86_64" ? 0 : 1;
    const filter = seccompFilter(architecture, { mayFork: false });
    const arch = AUDIT_ARCH[architecture];
    const of = (nr: number, arg0 = 0, arg1 = 0) => verdict(filter, { nr, arch, arg0, arg1 });
    for (const [group, calls] of Object.entries(DENIED)) {
      for (const [name, numbers] of Object.entries(calls)) {
        const nr = numbers[column];
        if (nr !== undefined) assert.equal(of(nr), EPERM, `${architecture} ${group} ${name}`);
      }
    }
    // read, mmap, futex, execve, exit_group.
    const used = { x86_64: [0, 9, 202, 59, 231], aarch64: [63, 222, 98, 221, 94] }[architecture];
    for (const nr of used) assert.equal(of(nr), ALLOW, `${architecture} ${nr}`);
    const thread = 0x3d0f00;
    assert.equal(of(CHECKED_CALLS.clone[column], thread), ALLOW);
    assert.equal(of(CHECKED_CALLS.clone[column], 17), EPERM, "a fork");
    assert.equal(of(CHECKED_CALLS.clone[column], thread | 0x10000000), EPERM, "a user namespace");
    for (const options of [{ mayFork: true }, { mayFork: true, mayManageForks: true }]) {
      const nr = CHECKED_CALLS.clone[column];
      const cloning = seccompFilter(architecture, options);
      for (const arg0 of [0x8000, 0x8011, 0x9011, 0x2c028011]) {
        assert.equal(verdict(cloning, { nr, arch, arg0 }), EPERM, "a sibling of the caller");
      }
    }
    assert.equal(of(CHECKED_CALLS.clone3[column]), ENOSYS);
    assert.equal(of(CHECKED_CALLS.socket[column], 1), ALLOW, "unix");
    // inet, inet6, netlink, packet, vsock.
    for (const family of [2, 10, 16, 17, 40]) {
      assert.equal(of(CHECKED_CALLS.socket[column], family), EAFNOSUPPORT, `family ${family}`);
    }
    const [prlimit, fcntl, ioctl] = [
      CHECKED_CALLS.prlimit64[column],
      CHECKED_CALLS.fcntl[column],
      CHECKED_CALLS.ioctl[column],
    ];
    assert.equal(of(prlimit, 0), ALLOW, "limits of its own");
    assert.equal(of(prlimit, 4711), EPERM, "limits of another process");
    // F_GETFD, F_SETFL, F_DUPFD_CLOEXEC; F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY.
    for (const command of [1, 4, 1030]) assert.equal(of(fcntl, 3, command), ALLOW, `${command}`);
    for (const command of [8, 10, 15, 1024, 1026]) {
      assert.equal(of(fcntl, 3, command), EPERM, `${command}`);
    }
    // FIONBIO; FIOSETOWN, SIOCSPGRP; FS_IOC_SETFLAGS, -FSSETXATTR, -SETVERSION, -ENABLE_VERITY.
    assert.equal(of(ioctl, 3, 0x5421), ALLOW);
    for (
      const command of [0x8901, 0x8902, 0x40086602, 0x401c5820, 0x40087602, 0x40806685]
    ) assert.equal(of(ioctl, 3, command), EPERM, command.toString(16));
    const forking = seccompFilter(architecture, { mayFork: true, mayChangeFiles: true });
    const mayFork = (nr: number, arg0: number) => verdict(forking, { nr, arch, arg0 });
    assert.equal(mayFork(CHECKED_CALLS.clone[column], 17), ALLOW, "a fork of the compiler");
    assert.equal(mayFork(CHECKED_CALLS.clone[column], 0x10000011), EPERM, "its user namespace");
    const fchmod = FILE_CHANGING_CALLS.fchmod?.[column] ?? -1;
    assert.equal(mayFork(fchmod, 3), ALLOW, "the mode of a file that it writes");
    assert.equal(mayFork(CHECKED_CALLS.socket[column], 2), EAFNOSUPPORT, "its network");
    assert.equal(verdict(filter, { nr: 0, arch: 0x40000003 }), KILL, "a 32-bit call");
    assert.equal(of(0x40000000 + 101), EPERM, "an x32 call");
  }
});

Deno.test("a fork denies with the filter of its zygote what the whole filter denies", () => {
  const asRoot = { mayFork: true, mayManageForks: true };
  for (const architecture of ["x86_64", "aarch64"] as const satisfies Architecture[]) {
    const whole = seccompFilter(architecture, { mayFork: false });
    const root = seccompFilter(architecture, asRoot);
    const further = furtherSeccompFilter(architecture, { mayFork: false }, asRoot);
    assert.ok(further.length < whole.length / 3);
    for (const arch of Object.values(AUDIT_ARCH)) {
      for (
        const arg0 of [
          0,
          1,
          2,
          17,
          0x8000,
          0x8011,
          0x10000,
          0x10011,
          0x02010000,
          0x10000000,
          0x7e020000,
        ]
      ) {
        for (let number = 0; number < 600; number++) {
          const call = { nr: number, arch, arg0 };
          assert.equal(
            strictest([verdict(root, call), verdict(further, call)]),
            verdict(whole, call),
            `${architecture}: call ${number} of ${arch.toString(16)} with ${arg0.toString(16)}`,
          );
        }
      }
    }
  }
});

Deno.test("no process of functions gets at another one by its number or by a socket", () => {
  const options = [
    { mayFork: false },
    { mayFork: true, mayManageForks: true },
    { mayFork: true, mayChangeFiles: true, maySignalThreads: true },
  ];
  for (const architecture of ["x86_64", "aarch64"] as const satisfies Architecture[]) {
    const [column, arch] = [architecture === "x86_64" ? 0 : 1, AUDIT_ARCH[architecture]];
    const getsockopt = CHECKED_CALLS.getsockopt[column];
    const setsockopt = DENIED_CALLS.sockets?.setsockopt?.[column];
    const calls = DENIED_CALLS["other processes"] ?? {};
    for (const option of options) {
      const filter = seccompFilter(architecture, option);
      const of = (nr = -1, arg2 = 0) => verdict(filter, { nr, arch, arg0: 3, arg1: 1, arg2 });
      // SO_ERROR; SO_PEERPIDFD, SO_SNDBUF, SO_PASSPIDFD.
      assert.equal(of(getsockopt, 4), ALLOW);
      assert.deepEqual([of(getsockopt, 77), of(setsockopt, 7), of(setsockopt, 76)], [
        EPERM,
        EPERM,
        EPERM,
      ]);
      for (const name of ["kill", "tkill", "pidfd_open", "pidfd_getfd"]) {
        assert.equal(of(calls[name]?.[column]), EPERM, name);
      }
      const tgkill = option.maySignalThreads ? ALLOW : EPERM;
      assert.equal(of(THREAD_SIGNALLING_CALLS.tgkill?.[column]), tgkill);
    }
  }
});

/** The verdict of the kernel when several filters are in force: the smallest action as a signed number. */
function strictest(verdicts: readonly number[]): number {
  return verdicts.toSorted((a, b) => (a | 0) - (b | 0))[0] as number;
}

Deno.test("a filter judges every number by its list, in few instructions", () => {
  for (const architecture of ["x86_64", "aarch64"] as const satisfies Architecture[]) {
    const column = architecture === "x86_64" ? 0 : 1;
    const denied = new Set(Object.values(DENIED).flatMap(Object.values).map((n) => n[column]));
    const byArgument = Object.values(CHECKED_CALLS);
    const checked = new Set(byArgument.map((numbers) => numbers[column]));
    const filter = seccompFilter(architecture, { mayFork: false });
    for (let nr = 0; nr < 1000; nr++) {
      if (checked.has(nr)) continue;
      const judged = judge(filter, { nr, arch: AUDIT_ARCH[architecture] });
      assert.equal(judged.verdict, denied.has(nr) ? EPERM : ALLOW, `${architecture} ${nr}`);
      assert.ok(judged.instructions <= 22, `${architecture} ${nr}: ${judged.instructions}`);
    }
  }
});

// The mode needs a setpriv that loads filters, and so does the test.
if (AVAILABLE_MODES.includes("landlock")) {
  Deno.test("the kernel accepts the filter and denies sockets and processes", async () => {
    const setpriv = await findProgram("setpriv", SEARCH_PATH);
    const file = await Deno.makeTempFile();
    await Deno.writeFile(file, seccompFilter(Deno.build.arch as Architecture, { mayFork: false }));
    const code = `
    const results = [];
    const tries = [
      () => Deno.connect({ hostname: "127.0.0.1", port: 1 }),
      () => Deno.listenDatagram({ transport: "udp", port: 0 }),
      () => new Deno.Command("true").output(),
      () => Deno.kill(Deno.pid, "SIGCONT"),
      async () => { Deno.listen({ transport: "unix", path: ${JSON.stringify(file + ".sock")} }); },
    ];
    for (const one of tries) results.push(await Promise.resolve().then(one).then(() => "done", (e) => e.code ?? e.name));
    console.log(JSON.stringify(results));`;
    const { stdout } = await new Deno.Command(setpriv ?? "", {
      args: [
        ...["--no-new-privs", "--seccomp-filter", file, "--"],
        ...[Deno.execPath(), "run", "--quiet", "--no-config", "-A", "--unstable-net"],
        `data:application/javascript,${encodeURIComponent(code)}`,
      ],
    }).output();
    assert.deepEqual(
      JSON.parse(new TextDecoder().decode(stdout)),
      ["EAFNOSUPPORT", "EAFNOSUPPORT", "EPERM", "PermissionDenied", "done"],
    );
    await Deno.remove(file);
  });
}
