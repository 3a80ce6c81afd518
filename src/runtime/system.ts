/**
 * The machine as functions see it. Deno's permissions deny the real values. But packages read some when they load, for a
 * header or a log line, and do not expect an error. So these report a small machine that is the same everywhere. Values
 * without a generic answer (free memory, load) stay denied.
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

/** Primordials for the functions below, which cannot use imports. */
const TOOLS = { defineProperty, dataDescriptor };
type Tools = typeof TOOLS;

const describeOs = anonymous(
  function (os: object, { defineProperty, dataDescriptor }: Tools): void {
    const NOBODY = 65_534;
    const define = (key: string, answer: () => unknown) =>
      defineProperty(os, key, dataDescriptor(answer, true));
    define(
      "cpus",
      () => [{ model: "", speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }],
    );
    define("homedir", () => "/");
    define("hostname", () => "localhost");
    define("networkInterfaces", () => ({}));
    define("release", () => "0.0.0");
    define("tmpdir", () => "/tmp");
    define(
      "userInfo",
      () => ({ uid: NOBODY, gid: NOBODY, username: "nobody", homedir: "/", shell: null }),
    );
    define("version", () => "");
  },
);

const describeProcess = anonymous(
  function (process: { report: object }, { defineProperty, dataDescriptor }: Tools): void {
    const NOBODY = 65_534;
    const UMASK = 0o77;
    const define = (key: string, answer: () => unknown) =>
      defineProperty(process, key, dataDescriptor(answer, true));
    define("getegid", () => NOBODY);
    define("geteuid", () => NOBODY);
    define("getgid", () => NOBODY);
    define("getgroups", () => []);
    define("getuid", () => NOBODY);
    define("umask", () => UMASK);
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

/** Makes `node:os` describe a machine without a name, a network or a user. */
export function describeMachine(os: object): void {
  describeOs(os, TOOLS);
}

/** Makes `process` report the user `nobody` and an empty report. */
export function describeUser(process: { report: object }): void {
  describeProcess(process, TOOLS);
}

/** Makes `node:fs` report that no path exists: packages check before they read. */
export function emptyFileSystem(fs: object): void {
  denyExistence(fs, TOOLS);
}

/** Gives permission errors of Deno the code that Node's have and packages check. */
export function addErrorCodes(): void {
  defineProperty(Deno.errors.NotCapable.prototype, "code", dataDescriptor("EACCES", true));
}
