/**
 * Makes what starts a process fail with one error. Deno's permissions deny the process as well, but the first of them
 * that Node's functions meet is one of the environment, and its error misleads.
 */
import { anonymous } from "./anonymous.ts";
import { dataDescriptor, defineProperty, ErrorOf } from "./primordials.ts";

/** The functions of `node:child_process` that start processes, as the names of an `import`. */
export const STARTER_EXPORTS = "exec, execFile, execFileSync, execSync, fork, spawn, spawnSync";

const TOOLS = { defineProperty, dataDescriptor, ErrorOf };

const deny = anonymous(function (
  target: object,
  names: readonly string[],
  prefix: string,
  { defineProperty, dataDescriptor, ErrorOf }: typeof TOOLS,
): void {
  for (const name of names) {
    const denied = () => {
      const error = new ErrorOf(`${prefix}${name} EACCES: a function cannot start processes`);
      throw Object.assign(error, { code: "EACCES", syscall: name });
    };
    defineProperty(target, name, dataDescriptor(denied, true));
  }
});

/** Replaces the functions of the built-ins `child_process` and `cluster`, and those of Deno. */
export function denyProcesses(childProcess: object, cluster: object): void {
  deny(childProcess, STARTER_EXPORTS.split(", "), "", TOOLS);
  deny(cluster, ["fork"], "", TOOLS);
  deny(Deno.Command.prototype, ["output", "outputSync", "spawn"], "Deno.Command.", TOOLS);
  const ofDeno = ["spawn", "spawnAndWait", "spawnAndWaitSync"].filter((name) => name in Deno);
  deny(Deno, ofDeno, "Deno.", TOOLS);
}
