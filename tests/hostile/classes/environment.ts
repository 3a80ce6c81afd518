/** Facts of the server that the process and the machine could reveal. */
import { alone, gets, rejected, type Table } from "../hostile.ts";

/** What the system says of itself, by the method of Deno. */
const OF_SYSTEM: Table = {
  "asks for the host name": "hostname",
  "asks for interfaces": "networkInterfaces",
  "asks for the load": "loadavg",
  "asks for the user": "uid",
  "asks for the memory of the machine": "systemMemoryInfo",
  "asks for the release of the kernel": "osRelease",
};

export const ENVIRONMENT = [
  ...Object.entries(OF_SYSTEM).flatMap(([name, method]) =>
    rejected(`NotCapable: Requires sys access to "${method}"`, {
      [name]: `return JSON.stringify(Deno.${method}());`,
    })
  ),
  ...rejected("NotCapable: Requires env access", {
    "lists variables by Deno": `return JSON.stringify(Deno.env.toObject());`,
  }),
  ...rejected('NotCapable: Requires env access to "CANARY"', {
    "reads a variable by Deno": `return Deno.env.get("CANARY");`,
  }),
  ...gets("{}", {
    "lists variables by process": `return JSON.stringify({ ...process.env });`,
    "asks for interfaces by node:os":
      `return JSON.stringify((await import("node:os")).networkInterfaces());`,
  }),
  ...gets("0", {
    "lists variables by node:process":
      `return Object.keys((await import("node:process")).env).length;`,
  }),
  ...gets("undefined", {
    "reads a variable by node:process": `return (await import("node:process")).env.CANARY;`,
  }),
  ...rejected('NotCapable: Requires read access to "/proc/self/environ"', {
    "reads its environ": `return Deno.readTextFileSync("/proc/self/environ");`,
  }),
  ...rejected('NotCapable: Requires read access to "', {
    "reads the server's environ":
      `return Deno.readTextFileSync("/proc/" + input.serverPid + "/environ");`,
    "reads its parent's arguments":
      `return Deno.readTextFileSync("/proc/" + Deno.ppid + "/cmdline");`,
    "reads another process's environ":
      `return (await import("node:fs")).readFileSync("/proc/" + input.canaryPid + "/environ", "utf8");`,
  }),
  ...gets("localhost", {
    "asks for the host name by node:os": `return (await import("node:os")).hostname();`,
  }),
  ...gets("nobody", {
    "asks for the user by node:os": `return (await import("node:os")).userInfo().username;`,
  }),
  ...gets("file:///main.js,deno", {
    "looks for paths in Deno": `return [Deno.mainModule, Deno.execPath(), ...Deno.args].join();`,
  }),
  ...gets("deno,deno,deno,deno,/main.js,", {
    "looks for paths in process":
      `return [process.execPath, process.argv0, process.title, ...process.argv, process.mainModule?.filename].join();`,
  }),
  ...gets("deno,deno,deno,/main.js", {
    "looks for paths in node:process":
      `const p = await import("node:process"); return [p.execPath, p.argv0, ...p.argv, ...p.execArgv].join();`,
  }),
  ...gets("file:///main.js,/main.js,/", {
    "looks for paths in import.meta":
      `return [import.meta.url, import.meta.filename, import.meta.dirname].join();`,
  }),
  ...gets("false", {
    "looks for paths in require.main":
      `return /src|bootstrap|node_modules/.test(JSON.stringify([req.main?.filename, Object.keys(req.cache)]));`,
  }),
  ...gets("false", {
    "looks for paths in stacks":
      `Error.stackTraceLimit = 100; const s = [new Error().stack, await new Promise((r) => setTimeout(() => r(new Error().stack)))].join(); return /file:\\/|bootstrap|node_modules/.test(s);`,
    "looks for functions of the runtime in stacks":
      `Error.prepareStackTrace = (_, sites) => sites.map((s) => String(s.getFileName()) + s.getEvalOrigin?.() + s.getFunction?.() + s.getThis?.()).join(); return /runtime|bootstrap|nonce/.test(String(new Error().stack));`,
  }).map(alone),
  ...gets('{"secrets":{},"variables":{}}', {
    "looks for the secrets of another function":
      `const { functions } = await load("node:module").then(() => globalThis as any).catch(() => ({})); return JSON.stringify((import.meta as any).invoked);`,
  }),
  ...rejected("TypeError: Cannot convert undefined or null to object", {
    "asks for the engine's internals": `return Object.keys((Deno as any)[(Deno as any).internal]);`,
    "asks for Deno.core": `return Object.keys((Deno as any).core);`,
  }),
  ...rejected("Error: no core", {
    "looks for Deno's internal symbol":
      `for (const k of Object.getOwnPropertySymbols(Deno)) if ((Deno as any)[k]?.core) return "core"; throw new Error("no core");`,
  }),
  ...rejected("Error: denied", {
    "asks for a permission":
      `const { state } = await Deno.permissions.request({ name: "read" }); if (state !== "granted") throw new Error(state); return state;`,
    "asks for a permission for one path":
      `const { state } = await Deno.permissions.request({ name: "env", variable: "CANARY" }); if (state !== "granted") throw new Error(state); return state;`,
  }),
];
