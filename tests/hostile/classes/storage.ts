/** State that an invocation could leave for the next. Each function is called twice and must find the same state. */
import { gets, type Hostile, mapped, noModule, rejected, returns, type Table } from "../hostile.ts";

const twice = (one: Hostile): Hostile => ({ ...one, invocations: 2 });

const kept = (variables: Table) =>
  returns(
    { was: null },
    mapped(variables, (variable) =>
      `let own: any;\nexport default (): any => { const g: any = globalThis; const was = ${variable} ?? null; ${variable} = 1; return { was }; };`),
  );

/** Globals of browsers that functions do not have. */
const STORES: Table = {
  "localStorage":
    `const was = localStorage.getItem("k"); localStorage.setItem("k", "v"); return was;`,
  "sessionStorage":
    `const was = sessionStorage.getItem("k"); sessionStorage.setItem("k", "v"); return was;`,
  "caches": `return await (await caches.open("k")).put("http://x/", new Response("v"));`,
  "BroadcastChannel": `new BroadcastChannel("k").postMessage("v"); return "sent";`,
};

export const STORAGE = [
  ...kept({
    "a global": "g.kept",
    "a variable of the module": "own",
    "a prototype": "g.Object.prototype.kept",
    "a registered symbol": `g[Symbol.for("kept")]`,
    "the console": "g.console.kept",
    "a property of Deno": "g.Deno.kept",
  }),
  ...Object.entries(STORES).flatMap(([name, body]) =>
    rejected(`ReferenceError: ${name} is not defined`, { [name]: body })
  ),
  ...gets("0", {
    "BroadcastChannel of node:worker_threads":
      `const { BroadcastChannel } = await import("node:worker_threads"); let heard = 0;
    const channel = new BroadcastChannel("k"); channel.onmessage = () => heard++; channel.postMessage("v");
    await new Promise((r) => setTimeout(r, 50)); channel.close(); return heard;`,
  }),
  ...rejected("TypeError: Cannot read properties of undefined (reading 'request')", {
    "navigator.locks": `return await (navigator as any).locks.request("k", () => "held");`,
  }),
  ...rejected(
    "Error: Deno.openKv is not available in a function: use a volume or a database server",
    {
      "Deno KV": `return await (await (Deno as any).openKv()).set(["k"], 1);`,
      "Deno KV in memory": `return await (await (Deno as any).openKv(":memory:")).set(["k"], 1);`,
    },
  ),
  ...rejected(noModule("node:sqlite"), {
    "a database in a file":
      `const { DatabaseSync } = await import("node:sqlite"); new DatabaseSync("/tmp/k.db"); return "made";`,
  }),
  ...rejected('NotCapable: Requires write access to "/dev/shm/k"', {
    "shared memory": `Deno.writeTextFileSync("/dev/shm/k", "v"); return "kept";`,
  }),
  ...rejected('NotCapable: Requires write access to "///sandbox/k"', {
    "the cache of modules":
      `Deno.writeTextFileSync("/" + Deno.cwd() + "/sandbox/k", "v"); return "kept";`,
  }),
  ...rejected('NotCapable: Requires env access to "K"', {
    "a variable of the environment":
      `const was = Deno.env.get("K"); Deno.env.set("K", "v"); return was;`,
  }),
  ...gets("undefined", {
    "a variable of process.env": `const was = process.env.K; process.env.K = "v"; return was;`,
    "the object URLs":
      `const was = (globalThis as any).made; (globalThis as any).made = URL.createObjectURL(new Blob(["v"])); return was;`,
    "the process id of an invocation before":
      `const was = (globalThis as any).pids; (globalThis as any).pids = [Deno.pid]; return was;`,
  }),
  ...gets("deno", {
    "the title of the process": `const was = process.title; process.title = "kept"; return was;`,
  }),
].map(twice);
