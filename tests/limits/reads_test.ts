/** Functions and clients that read more than the server can hold, and what others get meanwhile. */
import assert from "node:assert/strict";
import { fill, NEEDLE } from "../../bench/history.ts";
import { ECHO } from "../invocations/functions.ts";
import { atOnce } from "../support/at_once.ts";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { HAS_PROCFS } from "../support/machine.ts";
import { TestServer } from "../support/server.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { deployWithSdk, outputOf, setRoles } from "../sdk/support.ts";

const MIB = 1024 * 1024;
const FLOODS = 10;
const CALLS_PER_FLOOD = 16;
const TEXT_CHARS = 5_000_000;
/** Memory of the server during a flood beyond that of before: far below what all replies together have, which is 0.8 GB. */
const MEMORY_MAX_BYTES = 512 * MIB;

/** Invocations of a history, and how many searches and other answers a test asks for at a time. */
const HISTORY = 24_000;
const SEARCHES = 24;
const ANSWERS_MIN = 5;
/** How long the whole history may take to be indexed on a busy machine. */
const INDEXING_PATIENCE_MS = 180_000;

/** How long all functions of a flood may take to get their first replies on a busy machine. */
const FLOOD_PATIENCE_MS = 900_000;

/** Returns a text of five million characters. */
const LARGE = `export default () => ({ text: "x".repeat(${TEXT_CHARS}) });`;

/** Makes two host calls again and again, as often at a time as it may, without end. It reads the replies, or never does. */
const FLOOD = `export default async ({ calls, reads }) => {
  const { call } = (import.meta as any).invoked;
  await call(calls[0]);
  console.log("up");
  if (!reads) {
    for (let n = 0; n < ${CALLS_PER_FLOOD}; n++) call(calls[n % 2]);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
  const ask = async (_, n) => { for (;;) await call(calls[n % 2]); };
  await Promise.all(Array.from({ length: ${CALLS_PER_FLOOD} }, ask));
};`;

async function memoryOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
}

/** Starts invocations of the flood; resolves once all are under way. Disposing the result cancels them. */
async function startFlood(client: Client, flood: string, input: unknown): Promise<Flood> {
  const started = Array.from({ length: FLOODS }, async () => {
    const { invocationId } = ok(await client.invoke(flood, input, { Prefer: "respond-async" }));
    await eventually(
      async () => {
        const { list } = ok(
          await client.get(`/api/v1/functions/${flood}/invocations/${invocationId}/logs`),
        );
        return list.some(({ message }: { message: string }) => message === "up") ? true : undefined;
      },
      "the first reply to a flood",
      FLOOD_PATIENCE_MS,
    );
    return invocationId as string;
  });
  return new Flood(client, flood, await Promise.all(started));
}

class Flood implements AsyncDisposable {
  constructor(
    private readonly client: Client,
    private readonly functionId: string,
    private readonly ids: readonly string[],
  ) {}

  /** Fails unless every invocation still runs. */
  async assertRuns(): Promise<void> {
    for (const id of this.ids) {
      const { status, error } = await this.client.invocation(this.functionId, id);
      assert.match(status, /_RUNNING$/, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.ids.map((id) =>
        this.client.post(`/api/v1/functions/${this.functionId}/invocations/${id}/cancel`)
      ),
    );
  }
}

/** The host calls that get an invocation, and the list that contains it. */
function readCalls(functionId: string, id: string): string[] {
  const service = "c1.api.functions.v1.FunctionsInvocationService";
  return [
    JSON.stringify({
      method: `${service}.Get`,
      params: { params: { function_id: functionId, id } },
    }),
    JSON.stringify({ method: `${service}.List`, params: { params: { function_id: functionId } } }),
  ];
}

const FLAGS = [
  ...["--max-output", "12MiB", "--max-running", "20", "--async-slots", "20"],
  ...["--invocation-timeout", "30m"],
];

/** Memory of the server before the first flood. */
let idleBytes: number | undefined;

/** Holds up nobody, and takes a bounded amount of memory. @param reads whether the functions read the replies */
async function flood({ client, server }: Stage, reads: boolean): Promise<void> {
  const [large, echo, flooding] = await Promise.all([
    client.deploy(LARGE),
    client.deploy(ECHO),
    client.deploy(FLOOD),
  ]);
  const reader = await deployWithSdk(
    client,
    `const { functionsInvocationServiceGetResponse: { invocation } } =
      await sdk.functionsInvocation.get(input);
    return { chars: invocation.output.text.length };`,
    ["reader"],
  );
  await setRoles(client, flooding, ["reader"]);
  const { invocationId: id } = ok(await client.invoke(large));
  const before = idleBytes ??= HAS_PROCFS ? await memoryOf(server.pid) : 0;
  let most = 0;
  await using running = await startFlood(client, flooding, { calls: readCalls(large, id), reads });
  for (let n = 0; n < 2; n++) {
    assert.equal((await client.get("/healthz")).status, 200);
    assert.deepEqual(await outputOf(client, echo, { n }), { n });
    // A correct program waits.
    assert.deepEqual(await outputOf(client, reader, { functionId: large, id }), {
      chars: TEXT_CHARS,
    });
    if (HAS_PROCFS) most = Math.max(most, await memoryOf(server.pid));
  }
  await running.assertRuns();
  assert.ok(most - before < MEMORY_MAX_BYTES, `${(most - before) / MIB} MiB more memory`);
}

async function searchLongHistory({ server: before, client: maker }: Stage<TestServer>) {
  const { dataDir } = before;
  const id = await maker.deploy(ECHO);
  ok(await maker.invoke(id));
  await before.stop();
  await fill(dataDir, id, { functions: 2, invocations: HISTORY });
  await using server = await TestServer.start({ dataDir });
  const client = await server.client();
  const path = `/api/v1/functions/${id}/invocations/search`;
  // A page of a text that is too short for the index reads as many rows as a page may.
  let pending = SEARCHES;
  const searches = atOnce(SEARCHES, async () => {
    try {
      const { list, nextPageToken } = ok(await client.post(path, { query: "zq" }));
      assert.deepEqual([list, nextPageToken === ""], [[], false]);
    } finally {
      pending--;
    }
  });
  searches.catch(() => {});
  let answered = 0;
  while (pending > 0) {
    assert.equal((await client.get("/healthz")).status, 200);
    assert.deepEqual(await outputOf(client, id, { answered }), { answered });
    if (pending > 0) answered++;
  }
  await searches;
  // With all searches on the event loop it is one or two.
  assert.ok(answered >= ANSWERS_MIN, `${answered} invocations were answered during the searches`);
  await eventually(
    async () => {
      const { list } = ok(await client.post(path, { query: NEEDLE }));
      return list.length === 25 ? true : undefined;
    },
    "the oldest invocations in the first page, once they are indexed",
    INDEXING_PATIENCE_MS,
  );
}

serverSuite("a flood of large replies holds up nobody, and takes a bounded amount of memory", {
  flags: FLAGS,
}, {
  "that are read": (stage) => flood(stage, true),
  "that are never read": (stage) => flood(stage, false),
}, { "searches of a long history hold up nobody": searchLongHistory });
