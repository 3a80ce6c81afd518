/** Facts of the server that the process and the machine could reveal. */
import { alone, gets, rejected } from "../hostile.ts";

export const ENVIRONMENT = [
  rejected(
    "lists variables by Deno",
    `return JSON.stringify(Deno.env.toObject());`,
    "NotCapable: Requires env access",
  ),
  rejected(
    "reads a variable by Deno",
    `return Deno.env.get("CANARY");`,
    'NotCapable: Requires env access to "CANARY"',
  ),
  gets("lists variables by process", `return JSON.stringify({ ...process.env });`, "{}"),
  gets(
    "lists variables by node:process",
    `return Object.keys((await import("node:process")).env).length;`,
    "0",
  ),
  gets(
    "reads a variable by node:process",
    `return (await import("node:process")).env.CANARY;`,
    "undefined",
  ),
  rejected(
    "reads its environ",
    `return Deno.readTextFileSync("/proc/self/environ");`,
    'NotCapable: Requires read access to "/proc/self/environ"',
  ),
  rejected(
    "reads the server's environ",
    `return Deno.readTextFileSync("/proc/" + input.serverPid + "/environ");`,
    'NotCapable: Requires read access to "',
  ),
  rejected(
    "reads its parent's arguments",
    `return Deno.readTextFileSync("/proc/" + Deno.ppid + "/cmdline");`,
    'NotCapable: Requires read access to "',
  ),
  rejected(
    "reads another process's environ",
    `return (await import("node:fs")).readFileSync("/proc/" + input.canaryPid + "/environ", "utf8");`,
    'NotCapable: Requires read access to "',
  ),
  rejected(
    "asks for the host name",
    `return Deno.hostname();`,
    'NotCapable: Requires sys access to "hostname"',
  ),
  gets(
    "asks for the host name by node:os",
    `return (await import("node:os")).hostname();`,
    "localhost",
  ),
  rejected(
    "asks for interfaces",
    `return JSON.stringify(Deno.networkInterfaces());`,
    'NotCapable: Requires sys access to "networkInterfaces"',
  ),
  gets(
    "asks for interfaces by node:os",
    `return JSON.stringify((await import("node:os")).networkInterfaces());`,
    "{}",
  ),
  rejected(
    "asks for the load",
    `return Deno.loadavg();`,
    'NotCapable: Requires sys access to "loadavg"',
  ),
  rejected("asks for the user", `return Deno.uid();`, 'NotCapable: Requires sys access to "uid"'),
  gets(
    "asks for the user by node:os",
    `return (await import("node:os")).userInfo().username;`,
    "nobody",
  ),
  rejected(
    "asks for the memory of the machine",
    `return Deno.systemMemoryInfo().total;`,
    'NotCapable: Requires sys access to "systemMemoryInfo"',
  ),
  rejected(
    "asks for the release of the kernel",
    `return Deno.osRelease();`,
    'NotCapable: Requires sys access to "osRelease"',
  ),
  gets(
    "looks for paths in Deno",
    `return [Deno.mainModule, Deno.execPath(), ...Deno.args].join();`,
    "file:///main.js,deno",
  ),
  gets(
    "looks for paths in process",
    `return [process.execPath, process.argv0, process.title, ...process.argv, process.mainModule?.filename].join();`,
    "deno,deno,deno,deno,/main.js,",
  ),
  gets(
    "looks for paths in node:process",
    `const p = await import("node:process"); return [p.execPath, p.argv0, ...p.argv, ...p.execArgv].join();`,
    "deno,deno,deno,/main.js",
  ),
  gets(
    "looks for paths in import.meta",
    `return [import.meta.url, import.meta.filename, import.meta.dirname].join();`,
    "file:///main.js,/main.js,/",
  ),
  gets(
    "looks for paths in require.main",
    `return /src|bootstrap|node_modules/.test(JSON.stringify([req.main?.filename, Object.keys(req.cache)]));`,
    "false",
  ),
  alone(gets(
    "looks for paths in stacks",
    `Error.stackTraceLimit = 100; const s = [new Error().stack, await new Promise((r) => setTimeout(() => r(new Error().stack)))].join(); return /file:\\/|bootstrap|node_modules/.test(s);`,
    "false",
  )),
  alone(gets(
    "looks for functions of the runtime in stacks",
    `Error.prepareStackTrace = (_, sites) => sites.map((s) => String(s.getFileName()) + s.getEvalOrigin?.() + s.getFunction?.() + s.getThis?.()).join(); return /runtime|bootstrap|nonce/.test(String(new Error().stack));`,
    "false",
  )),
  gets(
    "looks for the secrets of another function",
    `const { functions } = await load("node:module").then(() => globalThis as any).catch(() => ({})); return JSON.stringify((import.meta as any).invoked);`,
    '{"secrets":{},"variables":{}}',
  ),
  rejected(
    "asks for the engine's internals",
    `return Object.keys((Deno as any)[(Deno as any).internal]);`,
    "TypeError: Cannot convert undefined or null to object",
  ),
  rejected(
    "looks for Deno's internal symbol",
    `for (const k of Object.getOwnPropertySymbols(Deno)) if ((Deno as any)[k]?.core) return "core"; throw new Error("no core");`,
    "Error: no core",
  ),
  rejected(
    "asks for Deno.core",
    `return Object.keys((Deno as any).core);`,
    "TypeError: Cannot convert undefined or null to object",
  ),
  rejected(
    "asks for a permission",
    `const { state } = await Deno.permissions.request({ name: "read" }); if (state !== "granted") throw new Error(state); return state;`,
    "Error: denied",
  ),
  rejected(
    "asks for a permission for one path",
    `const { state } = await Deno.permissions.request({ name: "env", variable: "CANARY" }); if (state !== "granted") throw new Error(state); return state;`,
    "Error: denied",
  ),
];
