/** Hostile functions look for the token and the client secret of their tenant, and call what they should not. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { events } from "../audit/support.ts";
import { type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { descendantsOf } from "../support/processes.ts";
import { deployCaller, LIST_APPS, makeCalls, openTenantStage } from "./calls_functions.ts";
import { type HostileTenant, json } from "./calls_tenant.ts";

/** Lets the host calls of its input pass as they are, and returns all that it can see. */
const LOOKER = `import process from "node:process";
const seen: unknown[] = [];
const look = (work: () => unknown) => { try { seen.push(work()); } catch (error) { seen.push(String(error)); } };
export default async function main({ params }: any): Promise<any> {
  const invoked = (import.meta as any).invoked;
  for (const each of params) {
    const { done, json, bytes } = await invoked.call(JSON.stringify({ method: "sdk.call", params: each }));
    const text = new TextDecoder().decode(bytes);
    seen.push([done, json, text]);
    console.log(json, text);
  }
  look(() => Deno.readTextFileSync("/proc/self/environ"));
  look(() => Deno.readTextFileSync("/proc/self/cmdline"));
  look(() => Deno.readFileSync("/proc/self/mem"));
  look(() => Deno.env.toObject());
  look(() => ({ ...process.env }));
  look(() => JSON.stringify(invoked));
  look(() => Object.getOwnPropertyNames(globalThis).join());
  look(() => new Error("look").stack);
  return { seen: seen.map((each) => JSON.stringify(each) ?? "") };
}`;

/** Calls its tenant, then keeps what it got, and a text of its own, in memory. */
const HOLDER = `import { sdk } from "@c1/functions-sdk";
export default async function main({ mark }: any): Promise<any> {
  const held = [await sdk.apps.list(), ["marker", mark].join("-")];
  console.log("holds");
  return await new Promise((resolve) => setTimeout(() => resolve({ held }), 1e6));
}`;

/** Texts that only the server and the tenant may have. */
function secretsOf(tenant: HostileTenant): string[] {
  const encoded = tenant.clientSecret.split(":")[3] ?? "";
  const key: string = JSON.parse(Buffer.from(encoded, "base64url").toString()).d;
  return [...tenant.tokens, encoded, key];
}

function assertAbsent(secrets: readonly string[], text: string, where: string): void {
  for (const secret of secrets) assert.equal(text.includes(secret), false, `${where} has a secret`);
}

/** Which of these texts the memory of a process has; V8 keeps them in one byte a character, or in two. */
async function foundInMemory(pid: number, texts: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  using memory = await Deno.open(`/proc/${pid}/mem`);
  for (const [start, bytes] of await writtenPages(pid)) {
    const content = Buffer.alloc(bytes);
    await memory.seek(start, Deno.SeekMode.Start);
    for (let at = 0; at < bytes;) {
      // Pages that nobody may read, such as those of the kernel, give no bytes.
      const count = await memory.read(content.subarray(at)).catch(() => null);
      if (count === null) break;
      at += count;
    }
    for (const text of texts) {
      if (content.includes(text) || content.includes(text, 0, "utf16le")) found.add(text);
    }
  }
  return [...found];
}

const PAGE_BYTES = 4096;
const ENTRY_BYTES = 8;
/** In memory, or swapped out (https://docs.kernel.org/admin-guide/mm/pagemap.html). */
const PRESENT = 0b1100_0000;

/** Runs of pages that a process has written: where each begins, and its bytes. */
async function writtenPages(pid: number): Promise<[start: bigint, bytes: number][]> {
  const runs: [bigint, number][] = [];
  using pagemap = await Deno.open(`/proc/${pid}/pagemap`);
  const maps = await Deno.readTextFile(`/proc/${pid}/maps`);
  for (const [, from = "", to = ""] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)) {
    const start = BigInt(`0x${from}`);
    const pages = Number(BigInt(`0x${to}`) - start) / PAGE_BYTES;
    const entries = new Uint8Array(ENTRY_BYTES * pages);
    await pagemap.seek(start / BigInt(PAGE_BYTES / ENTRY_BYTES), Deno.SeekMode.Start);
    for (let at = 0; at < entries.length;) {
      const count = await pagemap.read(entries.subarray(at));
      if (count === null) break;
      at += count;
    }
    let isOpen = false;
    for (let page = 0; page < pages; page++) {
      const isPresent = ((entries[ENTRY_BYTES * page + ENTRY_BYTES - 1] ?? 0) & PRESENT) !== 0;
      const last = runs.at(-1);
      if (isPresent && isOpen && last !== undefined) last[1] += PAGE_BYTES;
      else if (isPresent) runs.push([start + BigInt(page * PAGE_BYTES), PAGE_BYTES]);
      isOpen = isPresent;
    }
  }
  return runs;
}

Deno.test("hostile functions and their tenant", async (t) => {
  await using stage = await openTenantStage();
  const { client, server, tenant, tenantId } = stage;
  const echo = () => {
    tenant.api = ({ headers, body, path }, response) => {
      const echoed = { headers, body, path, secret: tenant.clientSecret };
      json(response, 200, { list: [{ displayName: JSON.stringify(echoed) }] }, {
        "x-token": headers.authorization ?? "",
      });
    };
  };

  await t.step("see neither a token nor a secret, whatever the tenant echoes", async () => {
    echo();
    const id = await deployCaller(client, { id: tenantId, access: "WRITE" }, LOOKER);
    const params = [
      LIST_APPS,
      { namespace: "apps", method: "get", request: { id: "a" } },
      { namespace: "task", method: "createGrantTask", request: {} },
    ];
    const body = ok(await client.invoke(id, { params }));
    const output = unbase64(body.json ?? "");
    assert.match(output, /displayName/);
    assert.equal(tenant.tokens.length > 0, true);
    const secrets = secretsOf(tenant);
    assertAbsent(secrets, output, "the output");
    const record = await client.invocation(id, body.invocationId);
    assertAbsent(secrets, JSON.stringify(record), "the record");
    const logs = await client.get(`/api/v1/functions/${id}/invocations/${body.invocationId}/logs`);
    assertAbsent(secrets, JSON.stringify(logs.body), "the log");
    assertAbsent(secrets, JSON.stringify(await events(client)), "the audit log");
    assertAbsent(secrets, JSON.stringify(ok(await client.get("/api/v1/tenants"))), "the API");
  });

  await t.step("cannot send what is no operation", async () => {
    tenant.reset();
    const id = await deployCaller(client, { id: tenantId, access: "WRITE" }, LOOKER);
    const params: Json[] = [
      null,
      [],
      "apps.list",
      {},
      { namespace: 1, method: "list" },
      { namespace: "apps" },
      { namespace: "__proto__", method: "constructor" },
      { namespace: "constructor", method: "name" },
      { namespace: "apps", method: "__proto__" },
      { namespace: "apps", method: "toString" },
      { namespace: "x".repeat(200), method: "list" },
      { namespace: "apps", method: "get", request: { id: ".." } },
      { namespace: "apps", method: "get", request: { id: "" } },
      { namespace: "apps", method: "get", request: "text" },
      { namespace: "apps", method: "get", request: { id: { toString: 1 } } },
      { namespace: "functions", method: "list", request: {} },
    ];
    const { body } = await client.invoke(id, { params });
    const { seen } = JSON.parse(unbase64(body.json ?? ""));
    for (const [at, given] of params.entries()) {
      const [done, reply] = JSON.parse(seen[at]);
      assert.equal(done, false, JSON.stringify(given));
      assert.match(
        JSON.parse(reply).code,
        /^(?:INVALID_ARGUMENT|INVALID_FIELD|TENANT_METHOD_UNKNOWN)$/,
      );
    }
    assert.equal(tenant.received.length, 0);
  });

  await t.step("cannot send more values than the server converts in one step", async () => {
    tenant.reset();
    const id = await deployCaller(client, { id: tenantId });
    const search = (count: number) => ({
      namespace: "taskSearch",
      method: "search",
      request: { taskTypes: Array.from({ length: count }, () => ({})) },
    });
    const { ends: [few, many] } = await makeCalls(client, id, [search(49_000), search(100_000)]);
    assert.equal(few.got.statusCode, 200, JSON.stringify(few).slice(0, 1000));
    assert.equal(many.status, 400, JSON.stringify(many).slice(0, 1000));
    assert.match(many.message, /the host call has more than 100,000 values/);
    assert.deepEqual(
      tenant.received.map(({ body }) => JSON.parse(body).taskTypes.length),
      [49_000],
    );
  });

  await t.step("reach no other path, and no other host", async () => {
    tenant.reset();
    const id = await deployCaller(client, { id: tenantId });
    const ids = [
      "../../iam/roles?x=y#z",
      "a/b",
      "%2e%2e",
      "\r\nX-Evil: 1",
      "//example.com/",
      "é\0",
    ];
    const calls = ids.map((each) => ({ namespace: "apps", method: "get", request: { id: each } }));
    await makeCalls(client, id, calls);
    assert.deepEqual(
      tenant.received.map(({ path }) => path),
      ids.map((each) => `/api/v1/apps/${encodeURIComponent(each)}`),
    );
    assert.equal(tenant.received.some(({ headers }) => "x-evil" in headers), false);
  });

  if (Deno.uid() === 0) {
    await t.step("have no token in their memory", async () => {
      echo();
      const id = await deployCaller(client, { id: tenantId }, HOLDER);
      const mark = crypto.randomUUID();
      // It hangs until the server ends.
      client.invoke(id, { mark }).catch(() => {});
      const path = `/api/v1/functions/${id}/invocations`;
      await eventually(async () => {
        const { list: [running] } = ok(await client.get(path));
        if (running === undefined) return undefined;
        const { list } = ok(await client.get(`${path}/${running.id}/logs`));
        return list.find(({ message }: Json) => message === "holds");
      }, "the function that holds its answer");
      const marker = `marker-${mark}`;
      const secrets = secretsOf(tenant);
      const holders: number[] = [];
      for (const pid of descendantsOf(server.pid)) {
        // Some end meanwhile.
        const found = await foundInMemory(pid, [marker, ...secrets]).catch((): string[] => []);
        assertAbsent(secrets, found.join(), `process ${pid}`);
        if (found.includes(marker)) holders.push(pid);
      }
      assert.equal(holders.length, 1);
      // The same search finds them where they are.
      assert.ok((await foundInMemory(server.pid, secrets)).length > 0);
    });
  }
});
