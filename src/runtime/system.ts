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

const TOOLS = { defineProperty, dataDescriptor };

/** The functions below make functions that user code calls. They cannot use imports. */
export const { describeMachine, describeUser, emptyFileSystem } = anonymous(
  ({ defineProperty, dataDescriptor }: typeof TOOLS) => {
    const NOBODY = 65_534;
    const UMASK = 0o77;
    const CPU = { model: "", speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } };
    const USER = { uid: NOBODY, gid: NOBODY, username: "nobody", homedir: "/", shell: null };
    const define = (target: object, key: string, answer: (...args: never[]) => unknown) =>
      defineProperty(target, key, dataDescriptor(answer, true));
    return {
      /** Makes `node:os` describe a machine without a name, a network or a user. */
      describeMachine(os: object): void {
        define(os, "cpus", () => [{ ...CPU, times: { ...CPU.times } }]);
        define(os, "homedir", () => "/");
        define(os, "hostname", () => "localhost");
        define(os, "networkInterfaces", () => ({}));
        define(os, "release", () => "0.0.0");
        define(os, "tmpdir", () => "/tmp");
        define(os, "userInfo", () => ({ ...USER }));
        define(os, "version", () => "");
      },
      /** Makes `process` report the user `nobody` and an empty report. */
      describeUser(process: { readonly report: object }): void {
        define(process, "getegid", () => NOBODY);
        define(process, "geteuid", () => NOBODY);
        define(process, "getgid", () => NOBODY);
        define(process, "getgroups", () => []);
        define(process, "getuid", () => NOBODY);
        define(process, "umask", () => UMASK);
        define(process.report, "getReport", () => ({}));
      },
      /** Makes `node:fs` report that no path exists: packages check before they read. */
      emptyFileSystem(fs: object): void {
        const exists = (_path: unknown, callback: unknown) => {
          if (typeof callback === "function") queueMicrotask(() => callback(false));
        };
        define(fs, "exists", exists);
        define(fs, "existsSync", () => false);
      },
    };
  },
)(TOOLS);

/** Gives permission errors of Deno the code that Node's have and packages check. */
export function addErrorCodes(): void {
  defineProperty(Deno.errors.NotCapable.prototype, "code", dataDescriptor("EACCES", true));
}
