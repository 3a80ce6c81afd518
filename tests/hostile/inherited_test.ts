/** Descriptors of the server, and those that it inherited, stay in the server. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { procfsTest } from "../support/machine.ts";
import { argumentsOf, descendantsOf, descriptorsOf } from "../support/processes.ts";
import { TestServer } from "../support/server.ts";

/** Hundreds of modules keep the compiler busy long enough to be inspected. */
const MODULES = 150;

function slowBuild(): Record<string, string> {
  const modules = Array.from({ length: MODULES }, (_, n) => n);
  return {
    "main.ts": modules.map((n) => `import m${n} from "./m${n}.ts";`).join("\n") +
      `\nexport default () => ({ all: [${modules.map((n) => `m${n}`).join()}] });`,
    ...Object.fromEntries(
      modules.map((n) => [`m${n}.ts`, `export default "${"x".repeat(5000)}${n}";`]),
    ),
  };
}

/** Waits for a Deno process below the server with this text in its arguments, and inspects it. */
async function whatHolds(server: TestServer, text: string): Promise<string[]> {
  return await eventually(async () => {
    for (const pid of descendantsOf(server.pid)) {
      const [program = "", ...args] = await argumentsOf(pid);
      // Wrappers have the arguments of the command that they run, and their own descriptors.
      if (!program.endsWith("deno") || !args.some((argument) => argument.includes(text))) continue;
      const held = await descriptorsOf(pid);
      if (held.length > 0) return held;
    }
  }, `a process with ${text}`);
}

/** Sockets of the server that the process also holds, such as egress sockets of other instances. */
async function socketsShared(server: TestServer, held: readonly string[]): Promise<string[]> {
  const own = new Set(await descriptorsOf(server.pid));
  return held.filter((path) => path.startsWith("socket:") && own.has(path));
}

procfsTest("no process inherits descriptors of the server or of its parent", async () => {
  await using directory = await makeTempDir();
  const left = join(directory.path, "left open");
  await Deno.writeTextFile(left, "");
  const script = 'file=$1; shift; exec 4<"$file" 9<>"$file" 37>>"$file"; exec "$@"';
  await using server = await TestServer.start({ launcher: ["bash", "-c", script, "bash", left] });
  assert.deepEqual((await descriptorsOf(server.pid)).filter((path) => path === left), []);

  const client = await server.client();
  const id = await client.deploy("export default () => { for (;;); };");
  const { body } = await client.invoke(id, {}, { prefer: "respond-async" });
  const sandbox = await whatHolds(server, "/bootstrap-");
  assert.deepEqual(sandbox.filter((path) => path === left), []);
  assert.deepEqual(await socketsShared(server, sandbox), []);
  await client.post(`/api/v1/functions/${id}/invocations/${body.invocationId}/cancel`, {});

  // Again and again: on a busy machine a look at all processes takes longer than a build.
  let isSeen = false;
  const building = (async () => {
    while (!isSeen) await client.deploy("export default () => ({});", slowBuild());
  })();
  const compiler = await whatHolds(server, "bundle").finally(() => isSeen = true);
  assert.deepEqual(compiler.filter((path) => path === left), []);
  assert.deepEqual(await socketsShared(server, compiler), []);
  await building;
});

Deno.test("the server reads a descriptor that an argument names", async () => {
  const script = 'exec "$@" --tls-cert <(echo "no certificate") --tls-key /dev/null';
  await assert.rejects(
    TestServer.start({ launcher: ["bash", "-c", script, "bash"] }),
    /\/dev\/fd\/\d+ does not begin with a PEM certificate/,
  );
});
