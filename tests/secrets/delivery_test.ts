/** Secrets reach the function that they belong to, at the time of its invocation, and nobody else. */
import assert from "node:assert/strict";
import { outputOf } from "../sdk/support.ts";
import type { Client } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { TestServer } from "../support/server.ts";

const VALUE = 'sk-live-Zm9v+/YmFy"quoted"';

const READS = `import { functions } from "@c1/functions-sdk";
import type { JSONObject } from "@c1/functions-sdk";
export default async function main(_input: JSONObject): Promise<JSONObject> {
  const { secrets } = await functions.getConfig();
  return { ...secrets };
}`;

async function setSecrets(client: Client, id: string, secret: Record<string, string>) {
  ok(await client.update(id, { secret }, "secret"));
}

Deno.test("secrets", async (t) => {
  await using server = await TestServer.start();
  const client = await server.client();
  const id = await client.deploy(READS);

  await t.step("a change counts from the next invocation", async () => {
    assert.deepEqual(await outputOf(client, id), {});
    await setSecrets(client, id, { API_KEY: VALUE, OTHER: "x" });
    assert.deepEqual(await outputOf(client, id), { API_KEY: VALUE, OTHER: "x" });
    await setSecrets(client, id, { API_KEY: "" });
    assert.deepEqual(await outputOf(client, id), { API_KEY: VALUE });
    await setSecrets(client, id, { API_KEY: "rotated" });
    assert.deepEqual(await outputOf(client, id), { API_KEY: "rotated" });
  });

  await t.step("odd names and values arrive as they are", async () => {
    const secret = {
      __proto__x: "a",
      toString: "b",
      "a.b-c": "ü\n\u2028\0end🎉",
      BIG: "v".repeat(65_536),
    };
    await setSecrets(client, id, secret);
    assert.deepEqual(await outputOf(client, id), secret);
    await setSecrets(client, id, { API_KEY: VALUE });
  });

  await t.step("another function has none of them", async () => {
    assert.deepEqual(await outputOf(client, await client.deploy(READS)), {});
  });

  await t.step("an asynchronous invocation gets them as well", async () => {
    const { body } = await client.invoke(id, {}, { Prefer: "respond-async" });
    const { output } = await client.ended(id, body.invocationId);
    assert.deepEqual(output, { API_KEY: VALUE });
  });

  await t.step("neither environment, arguments nor files of the process hold them", async () => {
    const looks = await client.deploy(`import { functions } from "@c1/functions-sdk";
export default async () => {
  const value = functions.getConfig().secrets.API_KEY;
  const seen = [JSON.stringify(Deno.args), JSON.stringify(process.argv), JSON.stringify(process.env)];
  await new Promise((resolve) => setTimeout(resolve, 300));
  return { leaked: seen.some((text) => text.includes(value)), length: value.length };
};`);
    await setSecrets(client, looks, { API_KEY: VALUE });
    const calling = outputOf(client, looks);
    const found: string[] = [];
    for (let round = 0; round < 20; round++) {
      for await (const { name } of Deno.readDir("/proc")) {
        if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
        for (const file of ["environ", "cmdline"]) {
          const text = await Deno.readTextFile(`/proc/${name}/${file}`).catch(() => "");
          if (text.includes("sk-live-Zm9v")) found.push(`${name}/${file}`);
        }
      }
    }
    assert.deepEqual(await calling, { leaked: false, length: VALUE.length });
    assert.deepEqual(found, []);
  });

  await t.step("modules cannot change each other's configuration", async () => {
    const poisons = await client.deploy(`import { functions } from "@c1/functions-sdk";
export default () => {
  const first = functions.getConfig();
  first.secrets.API_KEY = "forged";
  const meta = import.meta as { invoked?: { secrets: Record<string, string> } };
  const tries = [
    () => { meta.invoked = { secrets: { API_KEY: "forged" } }; },
    () => { delete meta.invoked; },
    () => { meta.invoked!.secrets.API_KEY = "forged"; },
    () => { Object.defineProperty(meta, "invoked", { value: {} }); },
  ].map((act) => { try { act(); return "did"; } catch { return "rejected"; } });
  return { tries, now: functions.getConfig().secrets.API_KEY };
};`);
    await setSecrets(client, poisons, { API_KEY: VALUE });
    assert.deepEqual(await outputOf(client, poisons), {
      tries: ["rejected", "rejected", "rejected", "rejected"],
      now: VALUE,
    });
  });

  await t.step("no answer, log or file of the server shows a value in the clear", async () => {
    const quiet = await client.deploy(`import { functions } from "@c1/functions-sdk";
export default () => {
  const { API_KEY } = functions.getConfig().secrets;
  console.log(API_KEY, { API_KEY });
  throw new Error(API_KEY);
};`);
    const value = `never-shown-${crypto.randomUUID()}`;
    await setSecrets(client, quiet, { API_KEY: value });
    const { body } = await client.invoke(quiet);
    const { error } = await client.invocation(quiet, body.invocationId);
    assert.match(error, /^UNCAUGHT: Error: \*\*\*\n/);
    const answered = await client.get(`/api/v1/functions/${quiet}`);
    assert.deepEqual(answered.body.function.secret, { API_KEY: "" });
    await server.stop();
    assert.ok(!(await server.log).includes(value));
    assert.deepEqual(await filesWith(server.dataDir, value), []);
  });
});

/** Files below the directory that hold the text. */
async function filesWith(directory: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) found.push(...await filesWith(path, text));
    else if (!isSymlink) {
      const content = new TextDecoder("latin1").decode(await Deno.readFile(path));
      if (content.includes(text)) found.push(path);
    }
  }
  return found;
}
