/**
 * What a function is told of the machine that it runs on. Deno's permissions refuse to tell the truth, and packages
 * ask when they load, for a header or a log line, without expecting a refusal; so they are told of a small machine
 * that is the same everywhere. What has no neutral answer (free memory, load) goes on being refused.
 */
import { anonymous } from "./anonymous.ts";
import { dataDescriptor, defineProperty } from "./primordials.ts";

/** The functions of `node:os` that {@link describeMachine} replaces, as the names of an `import`. */
export const MACHINE_EXPORTS =
  "cpus, homedir, hostname, networkInterfaces, release, tmpdir, userInfo, version";

/** The functions of `process` that {@link describeUser} replaces, as the names of an `import`. */
export const USER_EXPORTS = "getegid, geteuid, getgid, getgroups, getuid, umask";

/** The functions of `node:fs` that {@link emptyFileSystem} replaces, as the names of an `import`. */
export const EXISTENCE_EXPORTS = "exists, existsSync";

/** What of the runtime the functions below use. */
const TOOLS = { defineProperty, dataDescriptor };
type Tools = typeof TOOLS;

const describeOs = anonymous(
  function (os: object, { defineProperty, dataDescriptor }: Tools): void {
    const NOBODY = 65_534;
    const tell = (key: string, answer: () => unknown) =>
      defineProperty(os, key, dataDescriptor(answer, true));
    tell(
      "cpus",
      () => [{ model: "", speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }],
    );
    tell("homedir", () => "/");
    tell("hostname", () => "localhost");
    tell("networkInterfaces", () => ({}));
    tell("release", () => "0.0.0");
    tell("tmpdir", () => "/tmp");
    tell(
      "userInfo",
      () => ({ uid: NOBODY, gid: NOBODY, username: "nobody", homedir: "/", shell: null }),
    );
    tell("version", () => "");
  },
);

const describeProcess = anonymous(
  function (process: { report: object }, { defineProperty, dataDescriptor }: Tools): void {
    const NOBODY = 65_534;
    const UMASK = 0o77;
    const tell = (key: string, answer: () => unknown) =>
      defineProperty(process, key, dataDescriptor(answer, true));
    tell("getegid", () => NOBODY);
    tell("geteuid", () => NOBODY);
    tell("getgid", () => NOBODY);
    tell("getgroups", () => []);
    tell("getuid", () => NOBODY);
    tell("umask", () => UMASK);
    defineProperty(process.report, "getReport", dataDescriptor(() => ({}), true));
  },
);

const denyExistence = anonymous(
  function (fs: object, { defineProperty, dataDescriptor }: Tools): void {
    const exists = (_path: unknown, callback: unknown) => {
      if (typeof callback === "function") queueMicrotask(() => callback(false));
    };
    defineProperty(fs, "exists", dataDescriptor(exists, true));
    defineProperty(fs, "existsSync", dataDescriptor(() => false, true));
  },
);

/** Lets `node:os` tell of a machine without a name, a network or a user. */
export function describeMachine(os: object): void {
  describeOs(os, TOOLS);
}

/** Lets `process` tell that it runs as nobody, and report nothing. */
export function describeUser(process: { report: object }): void {
  describeProcess(process, TOOLS);
}

/** Lets `node:fs` say of every path that nothing is there: packages look before they read. */
export function emptyFileSystem(fs: object): void {
  denyExistence(fs, TOOLS);
}

/** Gives refusals of Deno's permissions the code that Node's have, which packages look at. */
export function codeRefusals(): void {
  defineProperty(Deno.errors.NotCapable.prototype, "code", dataDescriptor("EACCES", true));
}
