/** Other processes: starting, killing, debugging them; threads; native code. */
import { gets, refused } from "../hostile.ts";

export const PROCESSES = [
  refused(
    "runs by Deno",
    `return new Deno.Command("id").outputSync().code;`,
    "Error: Failed to spawn 'id': no path to search",
  ),
  refused(
    "runs by Deno, a path",
    `return new Deno.Command("/bin/sh", { args: ["-c", "id"] }).spawn().pid;`,
    'NotCapable: Requires run access to "/bin/sh"',
  ),
  refused(
    "runs by node:child_process",
    `const r = (await import("node:child_process")).spawnSync("/bin/id", [], { env: {} }); if (r.error) throw r.error; return r.status;`,
    'NotCapable: Requires env access to "NODE_V8_COVERAGE"',
  ),
  refused(
    "executes by node:child_process",
    `return (await import("node:child_process")).execSync("id", { env: {} });`,
    'NotCapable: Requires env access to "NODE_V8_COVERAGE"',
  ),
  refused(
    "spawns by node:child_process",
    `return await settled((await import("node:child_process")).spawn("id", [], { env: {} }), "exit");`,
    'NotCapable: Requires env access to "NODE_V8_COVERAGE"',
  ),
  refused(
    "forks",
    `return (await import("node:child_process")).fork("/main.js").pid;`,
    "NotCapable: Requires env access",
  ),
  refused(
    "forks a cluster",
    `return (await import("node:cluster")).default.fork().id;`,
    'NotCapable: Requires env access to "NODE_V8_COVERAGE"',
  ),
  refused(
    "kills its parent by Deno",
    `Deno.kill(Deno.ppid, "SIGCONT"); return "sent";`,
    "NotCapable: Requires run access",
  ),
  refused(
    "kills the server by Deno",
    `Deno.kill(input.serverPid, "SIGKILL"); return "sent";`,
    "NotCapable: Requires run access",
  ),
  refused(
    "kills by process",
    `(process as any).kill(input.canaryPid, "SIGKILL"); return "sent";`,
    "TypeError: process.kill is not a function",
  ),
  refused(
    "kills by ChildProcess",
    `const { ChildProcess } = await import("node:child_process"); const c: any = new ChildProcess(); c.pid = input.canaryPid; if (!c.kill("SIGKILL")) throw new Error("not sent"); return "sent";`,
    "Error: not sent",
  ),
  refused(
    "kills its group",
    `Deno.kill(-input.serverPid, "SIGKILL"); return "sent";`,
    "NotCapable: Requires run access",
  ),
  refused(
    "starts the debugger of another",
    `(process as any)._debugProcess(input.serverPid); return "sent";`,
    "TypeError: process._debugProcess is not a function",
  ),
  refused(
    "changes a priority",
    `(await import("node:os")).setPriority(input.serverPid, 19); return "changed";`,
    'NotCapable: Requires sys access to "setPriority"',
  ),
  refused(
    "changes its user",
    `(process as any).setuid(0); return "changed";`,
    'NotCapable: Requires sys access to "setuid"',
  ),
  refused(
    "loads a library by Deno",
    `return Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } }).symbols.getpid();`,
    'NotCapable: Requires ffi access to "libc.so.6"',
  ),
  refused(
    "loads an addon by process",
    `(process as any).dlopen({ exports: {} }, "/x.node"); return "loaded";`,
    "TypeError: process.dlopen is not a function",
  ),
  refused("requires an addon", `return req("/tmp/x.node");`, "TypeError: Module "),
  refused(
    "makes a Worker",
    `new Worker("data:application/javascript,1", { type: "module" }); return "made";`,
    "ReferenceError: Worker is not defined",
  ),
  refused(
    "makes a worker of node:worker_threads",
    `new (await import("node:worker_threads")).Worker("1", { eval: true }); return "made";`,
    "TypeError: Worker threads are not available in a function",
  ),
  refused(
    "makes a worker of its default export",
    `new (await import("node:worker_threads")).default.Worker("1", { eval: true }); return "made";`,
    "TypeError: Worker threads are not available in a function",
  ),
  refused(
    "makes a required worker",
    `new (req("worker_threads").Worker)("1", { eval: true }); return "made";`,
    "TypeError: Worker threads are not available in a function",
  ),
  refused(
    "opens the inspector",
    `return Object.keys(await import("node:inspector"));`,
    'TypeError: TypeError: Module "node:inspector" is not available in a function',
  ),
  refused(
    "opens the inspector's promises",
    `return Object.keys(await import("node:inspector/promises"));`,
    'TypeError: TypeError: Module "node:inspector/promises" is not available in a function',
  ),
  refused(
    "reads memory of the engine",
    `return (await import("node:v8")).getHeapSnapshot();`,
    'TypeError: TypeError: Module "node:v8" is not available in a function',
  ),
  refused(
    "sets flags of the engine",
    `(await import("node:v8")).setFlagsFromString("--allow-natives-syntax"); return "set";`,
    'TypeError: TypeError: Module "node:v8" is not available in a function',
  ),
  refused(
    "writes a snapshot of the engine's memory from a new realm",
    `(await import("node:vm")).runInNewContext("gc")({ type: "major-snapshot", filename: input.dataDir + "/snapshot" }); return "written";`,
    "ReferenceError: gc is not defined",
  ),
  refused(
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
