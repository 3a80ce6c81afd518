import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { base64, type Client, type Files, type Json, unbase64 } from "./support/client.ts";
import { childrenOf, outcomeOf, setRoles } from "./sdk/support.ts";
import { serverSuite, type Stage } from "./support/suite.ts";

const EXAMPLES_DIR = fileURLToPath(new URL("../examples/", import.meta.url));

/** What examples may do beyond reading. */
const ROLES: Readonly<Record<string, readonly string[]>> = { "calls-functions": ["invoker"] };

async function readFiles(directory: string, prefix = ""): Promise<Files> {
  const files: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) Object.assign(files, await readFiles(path, `${prefix}${name}/`));
    else files[`${prefix}${name}`] = await Deno.readTextFile(path);
  }
  return files;
}

async function greet(client: Client, id: string, input: unknown): Promise<Json> {
  const { status, body } = await client.post(`/api/v1/functions/${id}/invoke`, {
    json: base64(JSON.stringify(input)),
  });
  assert.equal(status, 200, JSON.stringify(body));
  return JSON.parse(unbase64(body.json));
}

async function firstStart({ client, server }: Stage): Promise<void> {
  const { list } = (await client.get("/api/v1/functions")).body;
  assert.deepEqual(list.map(({ displayName }: Json) => displayName), ["hello"]);
  const [{ id, isDraft }] = list;
  assert.equal(isDraft, false);
  assert.ok(server.welcome.includes(`/api/v1/functions/${id}/invoke`));
  assert.deepEqual(await greet(client, id, { name: "Ada" }), { message: "Hello, Ada!" });
  assert.deepEqual(await greet(client, id, {}), { message: "Hello, world!" });
}

async function everyExample({ client }: Stage): Promise<void> {
  let count = 0;
  for await (const { name } of Deno.readDir(EXAMPLES_DIR)) {
    const { "main.ts": main, ...files } = await readFiles(join(EXAMPLES_DIR, name));
    assert.ok(main, `examples/${name} has no main.ts`);
    const id = await client.deploy(main, files);
    await setRoles(client, id, ROLES[name] ?? []);
    const { headers, body } = await client.invoke(id);
    const { error } = await client.invocation(id, body.invocationId);
    const status = headers.get("invocation-status");
    assert.equal(status, "FUNCTION_INVOCATION_STATUS_SUCCESS", `examples/${name}: ${error}`);
    count++;
  }
  assert.ok(count > 0);
}

async function callsFunctions({ client }: Stage): Promise<void> {
  const { "main.ts": main = "" } = await readFiles(join(EXAMPLES_DIR, "calls-functions"));
  const id = await client.deploy(main);
  await setRoles(client, id, ["invoker"]);
  const { id: called, output } = await outcomeOf(client, id, { names: ["Ada", "Grace", "Linus"] });
  assert.deepEqual(output.greetings, ["Hello, Ada!", "Hello, Grace!", "Hello, Linus!"]);
  assert.equal((await childrenOf(client, called)).length, 3);
}

serverSuite("the examples", {}, {
  "hello is there after the first start": firstStart,
  "each can be deployed and answers": everyExample,
  "a function calls functions": callsFunctions,
});
