/** Other processes: starting, killing, debugging them; threads; native code. */
import { gets, importing, noModule, rejected } from "../hostile.ts";

export const PROCESSES = [
  ...rejected("Error: Deno.Command.outputSync EACCES: a function cannot start processes", {
    "runs by Deno": `return new Deno.Command("id").outputSync().code;`,
  }),
  ...rejected("Error: Deno.Command.spawn EACCES: a function cannot start processes", {
    "runs by Deno, a path":
      `return new Deno.Command("/bin/sh", { args: ["-c", "id"] }).spawn().pid;`,
  }),
  ...rejected("Error: spawnSync EACCES: a function cannot start processes", {
    "runs by node:child_process":
      `const r = (await import("node:child_process")).spawnSync("/bin/id", [], { env: {} }); if (r.error) throw r.error; return r.status;`,
  }),
  ...rejected("Error: execSync EACCES: a function cannot start processes", {
    "executes by node:child_process":
      `return (await import("node:child_process")).execSync("id", { env: {} });`,
  }),
  ...rejected("Error: spawn EACCES: a function cannot start processes", {
    "spawns by node:child_process":
      `return await settled((await import("node:child_process")).spawn("id", [], { env: {} }), "exit");`,
  }),
  ...rejected("Error: fork EACCES: a function cannot start processes", {
    "forks": `return (await import("node:child_process")).fork("/main.js").pid;`,
    "forks a cluster": `return (await import("node:cluster")).default.fork().id;`,
  }),
  ...rejected("NotCapable: Requires run access", {
    "kills its parent by Deno": `Deno.kill(Deno.ppid, "SIGCONT"); return "sent";`,
    "kills the server by Deno": `Deno.kill(input.serverPid, "SIGKILL"); return "sent";`,
    "kills its group": `Deno.kill(-input.serverPid, "SIGKILL"); return "sent";`,
  }),
  ...rejected("TypeError: process.kill is not a function", {
    "kills by process": `(process as any).kill(input.canaryPid, "SIGKILL"); return "sent";`,
  }),
  ...rejected("Error: not sent", {
    "kills by ChildProcess":
      `const { ChildProcess } = await import("node:child_process"); const c: any = new ChildProcess(); c.pid = input.canaryPid; if (!c.kill("SIGKILL")) throw new Error("not sent"); return "sent";`,
  }),
  ...rejected("TypeError: process._debugProcess is not a function", {
    "starts the debugger of another":
      `(process as any)._debugProcess(input.serverPid); return "sent";`,
  }),
  ...rejected('NotCapable: Requires sys access to "setPriority"', {
    "changes a priority":
      `(await import("node:os")).setPriority(input.serverPid, 19); return "changed";`,
  }),
  ...rejected('NotCapable: Requires sys access to "setuid"', {
    "changes its user": `(process as any).setuid(0); return "changed";`,
  }),
  ...rejected('NotCapable: Requires ffi access to "libc.so.6"', {
    "loads a library by Deno":
      `return Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } }).symbols.getpid();`,
  }),
  ...rejected("TypeError: process.dlopen is not a function", {
    "loads an addon by process":
      `(process as any).dlopen({ exports: {} }, "/x.node"); return "loaded";`,
  }),
  ...rejected("TypeError: Module ", { "requires an addon": `return req("/tmp/x.node");` }),
  ...rejected("ReferenceError: Worker is not defined", {
    "makes a Worker":
      `new Worker("data:application/javascript,1", { type: "module" }); return "made";`,
  }),
  ...rejected("TypeError: Worker threads are not available in a function", {
    "makes a worker of node:worker_threads":
      `new (await import("node:worker_threads")).Worker("1", { eval: true }); return "made";`,
    "makes a worker of its default export":
      `new (await import("node:worker_threads")).default.Worker("1", { eval: true }); return "made";`,
    "makes a required worker":
      `new (req("worker_threads").Worker)("1", { eval: true }); return "made";`,
  }),
  ...rejected(noModule("node:v8"), {
    "reads memory of the engine": `return (await import("node:v8")).getHeapSnapshot();`,
    "sets flags of the engine":
      `(await import("node:v8")).setFlagsFromString("--allow-natives-syntax"); return "set";`,
  }),
  ...rejected("ReferenceError: gc is not defined", {
    "writes a snapshot of the engine's memory from a new realm":
      `(await import("node:vm")).runInNewContext("gc")({ type: "major-snapshot", filename: input.dataDir + "/snapshot" }); return "written";`,
  }),
  ...rejected("TypeError: Cannot read properties of undefined (reading 'requestAdapter')", {
    "loads graphics drivers": `return await (navigator as any).gpu.requestAdapter();`,
  }),
  ...importing({
    "opens the inspector": "node:inspector",
    "opens the inspector's promises": "node:inspector/promises",
  }),
  ...gets("0", {
    "counts the processes it could signal":
      `const hit: number[] = []; for (let pid = 1; pid < 2000; pid++) { try { process.kill(pid, 0); hit.push(pid); } catch {} } return hit.length;`,
  }),
];
