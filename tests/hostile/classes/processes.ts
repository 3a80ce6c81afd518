/** Other processes: starting, killing, debugging them; threads; native code. */
import { gets, rejected } from "../hostile.ts";

export const PROCESSES = [
  rejected(
    "runs by Deno",
    `return new Deno.Command("id").outputSync().code;`,
    "Error: Deno.Command.outputSync EACCES: a function cannot start processes",
  ),
  rejected(
    "runs by Deno, a path",
    `return new Deno.Command("/bin/sh", { args: ["-c", "id"] }).spawn().pid;`,
    "Error: Deno.Command.spawn EACCES: a function cannot start processes",
  ),
  rejected(
    "runs by node:child_process",
    `const r = (await import("node:child_process")).spawnSync("/bin/id", [], { env: {} }); if (r.error) throw r.error; return r.status;`,
    "Error: spawnSync EACCES: a function cannot start processes",
  ),
  rejected(
    "executes by node:child_process",
    `return (await import("node:child_process")).execSync("id", { env: {} });`,
    "Error: execSync EACCES: a function cannot start processes",
  ),
  rejected(
    "spawns by node:child_process",
    `return await settled((await import("node:child_process")).spawn("id", [], { env: {} }), "exit");`,
    "Error: spawn EACCES: a function cannot start processes",
  ),
  rejected(
    "forks",
    `return (await import("node:child_process")).fork("/main.js").pid;`,
    "Error: fork EACCES: a function cannot start processes",
  ),
  rejected(
    "forks a cluster",
    `return (await import("node:cluster")).default.fork().id;`,
    "Error: fork EACCES: a function cannot start processes",
  ),
  rejected(
    "kills its parent by Deno",
    `Deno.kill(Deno.ppid, "SIGCONT"); return "sent";`,
    "NotCapable: Requires run access",
  ),
  rejected(
    "kills the server by Deno",
    `Deno.kill(input.serverPid, "SIGKILL"); return "sent";`,
    "NotCapable: Requires run access",
  ),
  rejected(
    "kills by process",
    `(process as any).kill(input.canaryPid, "SIGKILL"); return "sent";`,
    "TypeError: process.kill is not a function",
  ),
  rejected(
    "kills by ChildProcess",
    `const { ChildProcess } = await import("node:child_process"); const c: any = new ChildProcess(); c.pid = input.canaryPid; if (!c.kill("SIGKILL")) throw new Error("not sent"); return "sent";`,
    "Error: not sent",
  ),
  rejected(
    "kills its group",
    `Deno.kill(-input.serverPid, "SIGKILL"); return "sent";`,
    "NotCapable: Requires run access",
  ),
  rejected(
    "starts the debugger of another",
    `(process as any)._debugProcess(input.serverPid); return "sent";`,
    "TypeError: process._debugProcess is not a function",
  ),
  rejected(
    "changes a priority",
    `(await import("node:os")).setPriority(input.serverPid, 19); return "changed";`,
    'NotCapable: Requires sys access to "setPriority"',
  ),
  rejected(
    "changes its user",
    `(process as any).setuid(0); return "changed";`,
    'NotCapable: Requires sys access to "setuid"',
  ),
  rejected(
    "loads a library by Deno",
    `return Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } }).symbols.getpid();`,
    'NotCapable: Requires ffi access to "libc.so.6"',
  ),
  rejected(
    "loads an addon by process",
    `(process as any).dlopen({ exports: {} }, "/x.node"); return "loaded";`,
    "TypeError: process.dlopen is not a function",
  ),
  rejected("requires an addon", `return req("/tmp/x.node");`, "TypeError: Module "),
  rejected(
    "makes a Worker",
    `new Worker("data:application/javascript,1", { type: "module" }); return "made";`,
    "ReferenceError: Worker is not defined",
  ),
  rejected(
    "makes a worker of node:worker_threads",
    `new (await import("node:worker_threads")).Worker("1", { eval: true }); return "made";`,
    "TypeError: Worker threads are not available in a function",
  ),
  rejected(
    "makes a worker of its default export",
    `new (await import("node:worker_threads")).default.Worker("1", { eval: true }); return "made";`,
    "TypeError: Worker threads are not available in a function",
  ),
  rejected(
    "makes a required worker",
    `new (req("worker_threads").Worker)("1", { eval: true }); return "made";`,
    "TypeError: Worker threads are not available in a function",
  ),
  rejected(
    "opens the inspector",
    `return Object.keys(await import("node:inspector"));`,
    'TypeError: TypeError: Module "node:inspector" is not available in a function',
  ),
  rejected(
    "opens the inspector's promises",
    `return Object.keys(await import("node:inspector/promises"));`,
    'TypeError: TypeError: Module "node:inspector/promises" is not available in a function',
  ),
  rejected(
    "reads memory of the engine",
    `return (await import("node:v8")).getHeapSnapshot();`,
    'TypeError: TypeError: Module "node:v8" is not available in a function',
  ),
  rejected(
    "sets flags of the engine",
    `(await import("node:v8")).setFlagsFromString("--allow-natives-syntax"); return "set";`,
    'TypeError: TypeError: Module "node:v8" is not available in a function',
  ),
  rejected(
    "writes a snapshot of the engine's memory from a new realm",
    `(await import("node:vm")).runInNewContext("gc")({ type: "major-snapshot", filename: input.dataDir + "/snapshot" }); return "written";`,
    "ReferenceError: gc is not defined",
  ),
  rejected(
    "loads graphics drivers",
    `return await (navigator as any).gpu.requestAdapter();`,
    "TypeError: Cannot read properties of undefined (reading 'requestAdapter')",
  ),
  gets(
    "counts the processes it could signal",
    `const hit: number[] = []; for (let pid = 1; pid < 2000; pid++) { try { process.kill(pid, 0); hit.push(pid); } catch {} } return hit.length;`,
    "0",
  ),
];
