/** State that an invocation could leave for the next. Each function is called twice and must find the same state. */
import { gets, type Hostile, rejected, returns } from "../hostile.ts";

const twice = (one: Hostile): Hostile => ({ ...one, invocations: 2 });

const kept = (name: string, variable: string) =>
  returns(
    name,
    `let own: any;\nexport default (): any => { const g: any = globalThis; const was = ${variable} ?? null; ${variable} = 1; return { was }; };`,
    { was: null },
  );

export const STORAGE = [
  kept("a global", "g.kept"),
  kept("a variable of the module", "own"),
  kept("a prototype", "g.Object.prototype.kept"),
  kept("a registered symbol", `g[Symbol.for("kept")]`),
  kept("the console", "g.console.kept"),
  kept("a property of Deno", "g.Deno.kept"),
  rejected(
    "localStorage",
    `const was = localStorage.getItem("k"); localStorage.setItem("k", "v"); return was;`,
    "ReferenceError: localStorage is not defined",
  ),
  rejected(
    "sessionStorage",
    `const was = sessionStorage.getItem("k"); sessionStorage.setItem("k", "v"); return was;`,
    "ReferenceError: sessionStorage is not defined",
  ),
  rejected(
    "caches",
    `return await (await caches.open("k")).put("http://x/", new Response("v"));`,
    "ReferenceError: caches is not defined",
  ),
  rejected(
    "BroadcastChannel",
    `new BroadcastChannel("k").postMessage("v"); return "sent";`,
    "ReferenceError: BroadcastChannel is not defined",
  ),
  gets(
    "BroadcastChannel of node:worker_threads",
    `const { BroadcastChannel } = await import("node:worker_threads"); let heard = 0;
    const channel = new BroadcastChannel("k"); channel.onmessage = () => heard++; channel.postMessage("v");
    await new Promise((r) => setTimeout(r, 50)); channel.close(); return heard;`,
    "0",
  ),
  rejected(
    "navigator.locks",
    `return await (navigator as any).locks.request("k", () => "held");`,
    "TypeError: Cannot read properties of undefined (reading 'request')",
  ),
  rejected(
    "Deno KV",
    `return await (await (Deno as any).openKv()).set(["k"], 1);`,
    "Error: Deno.openKv is not available in a function: use a volume or a database server",
  ),
  rejected(
    "Deno KV in memory",
    `return await (await (Deno as any).openKv(":memory:")).set(["k"], 1);`,
    "Error: Deno.openKv is not available in a function: use a volume or a database server",
  ),
  rejected(
    "a database in a file",
    `const { DatabaseSync } = await import("node:sqlite"); new DatabaseSync("/tmp/k.db"); return "made";`,
    'TypeError: TypeError: Module "node:sqlite" is not available in a function',
  ),
  rejected(
    "shared memory",
    `Deno.writeTextFileSync("/dev/shm/k", "v"); return "kept";`,
    'NotCapable: Requires write access to "/dev/shm/k"',
  ),
  rejected(
    "the cache of modules",
    `Deno.writeTextFileSync("/" + Deno.cwd() + "/sandbox/k", "v"); return "kept";`,
    'NotCapable: Requires write access to "///sandbox/k"',
  ),
  rejected(
    "a variable of the environment",
    `const was = Deno.env.get("K"); Deno.env.set("K", "v"); return was;`,
    'NotCapable: Requires env access to "K"',
  ),
  gets(
    "a variable of process.env",
    `const was = process.env.K; process.env.K = "v"; return was;`,
    "undefined",
  ),
  gets(
    "the title of the process",
    `const was = process.title; process.title = "kept"; return was;`,
    "deno",
  ),
  gets(
    "the object URLs",
    `const was = (globalThis as any).made; (globalThis as any).made = URL.createObjectURL(new Blob(["v"])); return was;`,
    "undefined",
  ),
  gets(
    "the process id of an invocation before",
    `const was = (globalThis as any).pids; (globalThis as any).pids = [Deno.pid]; return was;`,
    "undefined",
  ),
].map(twice);
