/** What no function can do: the error says who tried, why it fails and what works instead. */
import assert from "node:assert/strict";
import type { Client } from "../support/client.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";

/** The first line of the error of an invocation. */
async function errorOf(client: Client, main: string): Promise<string> {
  const id = await client.deploy(main);
  const { body } = await client.invoke(id);
  const { error } = await client.invocation(id, body.invocationId);
  return `${error}`.split("\n", 1)[0] ?? "";
}

/** Checks the errors of functions with these bodies, which the author wrote without a package. */
async function fail(client: Client, cases: readonly (readonly [string, string])[]): Promise<void> {
  const errors = await Promise.all(
    cases.map(([body]) =>
      errorOf(client, `export default async (): Promise<any> => {\n${body}\n};`)
    ),
  );
  assert.deepEqual(errors, cases.map(([, error]) => `UNCAUGHT: ${error}`));
}

const LISTEN =
  "a function cannot listen on a port; `export default { fetch }` answers HTTP requests";
const PROCESS = "a function cannot start processes; call a service that runs the program";
const NATIVE =
  "a function cannot load native code: use a package that is JavaScript or WebAssembly";

async function listeners({ client }: Stage): Promise<void> {
  const listening = (module: string) =>
    `const { createServer } = await import("node:${module}");
    await new Promise<void>((done) => createServer().listen(3000, done));`;
  await fail(client, [
    [
      `Deno.serve(() => new Response(""));`,
      `Error: Deno.serve is not available in a function: ${LISTEN}`,
    ],
    [`Deno.listen({ port: 1 });`, `Error: Deno.listen is not available in a function: ${LISTEN}`],
    [listening("net"), `Error: listen EACCES: ${LISTEN}`],
    [listening("http"), `Error: listen EACCES: ${LISTEN}`],
  ]);
}

/** A handler of Node.js is called with something else than a response; a response of fetch may be misused as well. */
async function handlers({ client }: Stage): Promise<void> {
  await fail(client, [
    [
      `const res: any = {}; res.setHeader("a", "b");`,
      "TypeError: res.setHeader is not a function; a function cannot answer requests of node:http: " +
      "`export default { fetch }` answers HTTP requests",
    ],
    [`const res: any = new Response("{}"); res.jsn();`, "TypeError: res.jsn is not a function"],
  ]);
}

/** The error of a server that drops it, as Express does, names the line that listens. */
async function dropped({ client }: Stage): Promise<void> {
  const id = await client.deploy(
    `import http from "node:http";\nhttp.createServer().once("error", () => {}).listen(3000);`,
  );
  const { body } = await client.invoke(id);
  const { error } = await client.invocation(id, body.invocationId);
  assert.match(error, new RegExp(`^UNCAUGHT: Error: listen EACCES: ${RegExp.escape(LISTEN)}\\n`));
  assert.match(error, /\bmain\.ts:2:/);
}

async function processes({ client }: Stage): Promise<void> {
  await fail(client, [
    [`await new Deno.Command("ls").output();`, `Error: Deno.Command.output EACCES: ${PROCESS}`],
    [`(await import("node:child_process")).execSync("ls");`, `Error: execSync EACCES: ${PROCESS}`],
    [
      `const { promisify } = await import("node:util"), { exec } = await import("node:child_process");
      await promisify(exec)("ls");`,
      `Error: exec EACCES: ${PROCESS}`,
    ],
    [`(await import("node:cluster")).default.fork();`, `Error: fork EACCES: ${PROCESS}`],
    [
      `new Worker(new URL("./w.ts", import.meta.url), { type: "module" });`,
      "ReferenceError: Worker is not defined; a function cannot start threads: do the work in the function itself",
    ],
  ]);
}

async function natives({ client }: Stage): Promise<void> {
  await fail(client, [
    [
      `(await import("node:module")).createRequire(import.meta.url)("./x.node");`,
      `TypeError: Module "./x.node" is not available in a function: it is native code; ${NATIVE}`,
    ],
    [`(process as any).dlopen({}, "x");`, `TypeError: process.dlopen is not a function; ${NATIVE}`],
    [
      `Deno.dlopen("libc.so.6", {});`,
      `NotCapable: Requires ffi access to "libc.so.6", which a function does not have; ${NATIVE}`,
    ],
  ]);
}

async function files({ client }: Stage): Promise<void> {
  await fail(client, [
    [
      `await Deno.readTextFile("./data.json");`,
      `NotCapable: Requires read access to "./data.json", which a function does not have; ` +
      "a function cannot use the file system: import the file, or keep it in a volume",
    ],
    [
      `await import("node:sqlite");`,
      `TypeError: TypeError: Module "node:sqlite" is not available in a function; it opens files of the machine; ` +
      "use npm:sql.js in memory, or a database server with npm:pg",
    ],
  ]);
}

/** Packages that recognize a missing module by the code of the error go on without it. */
async function optional({ client }: Stage): Promise<void> {
  const id = await client.deploy(
    `import { createRequire } from "node:module";
    export default () => {
      try { return createRequire(import.meta.url)("./x.node"); } catch ({ code }) { return { code }; }
    };`,
  );
  const { body } = await client.invoke(id);
  assert.deepEqual((await client.invocation(id, body.invocationId)).output, {
    code: "MODULE_NOT_FOUND",
  });
}

sharedSuite("what no function can do", {
  "the error of a listener names `export default { fetch }`": listeners,
  "the error of a listener that its package drops is the error of the call": dropped,
  "a handler for node:http is explained, and a misspelt method of a response is not": handlers,
  "processes and threads are no matter of the environment": processes,
  "native code is named as such": natives,
  "files and databases have alternatives": files,
  "a module that is missing has the code that packages check": optional,
});
