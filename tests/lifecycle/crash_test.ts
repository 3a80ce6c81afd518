import assert from "node:assert/strict";
import { type Client, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { allGone, descendantsOf } from "../support/processes.ts";
import { TestServer } from "../support/server.ts";

const MAX_RUNNING = 2;
const FLAGS = [
  ...["--max-running", String(MAX_RUNNING), "--pool-size", "2"],
  ...["--max-queued", "20"],
];
const KILLS = 3;
/** Invocations of each mode that must have been answered before the server is killed. */
const ANSWERED_BEFORE_KILL = 5;
const PREFIX = "FUNCTION_INVOCATION_STATUS_";

const WORK = `export default async ({ n }: { n: number }) => {
  await new Promise((resolve) => setTimeout(resolve, n % 40));
  return { n };
};`;

/** An invocation whose id was answered, with its output where that was answered as well. */
interface Answered {
  readonly id: string;
  readonly mode: "sync" | "async";
  readonly json: string | undefined;
}

/** Calls functions until the server is gone. */
async function caller(
  client: Client,
  functionId: string,
  mode: Answered["mode"],
  answered: Answered[],
): Promise<void> {
  const headers: Record<string, string> = mode === "async" ? { prefer: "respond-async" } : {};
  for (let n = 0;; n++) {
    try {
      const { status, body } = await client.invoke(functionId, { n }, headers);
      if (status === 200) answered.push({ id: body.invocationId, mode, json: body.json });
      else assert.equal(status, 429, JSON.stringify(body));
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return;
    }
  }
}

/** Loads the server with callers of both kinds, kills it in the middle, and answers what it had answered. */
async function loadAndKill(server: TestServer, functionId: string): Promise<Answered[]> {
  const client = await server.client();
  const answered: Answered[] = [];
  const callers = [
    ...Array.from({ length: 4 }, () => caller(client, functionId, "sync", answered)),
    ...Array.from({ length: 3 }, () => caller(client, functionId, "async", answered)),
  ];
  const answeredOf = (wanted: Answered["mode"]) =>
    answered.filter(({ mode }) => mode === wanted).length;
  await eventually(
    () => Math.min(answeredOf("sync"), answeredOf("async")) >= ANSWERED_BEFORE_KILL || undefined,
    "an answer to some invocations of each mode",
  );
  const sandboxes = await eventually(() => {
    const children = descendantsOf(server.pid);
    return children.length > 0 ? children : undefined;
  }, "an instance");
  const { signal } = await server.stop("SIGKILL");
  assert.equal(signal, "SIGKILL");
  await Promise.all(callers);
  await allGone(sandboxes);
  return answered;
}

/** Every invocation of the function once all have ended. */
async function allEnded(client: Client, functionId: string): Promise<Map<string, Json>> {
  const records = new Map<string, Json>();
  let token = "";
  do {
    const path = `/api/v1/functions/${functionId}/invocations?page_size=100&page_token=${token}`;
    const { body } = await client.get(path);
    for (const { id } of body.list) records.set(id, await client.ended(functionId, id));
    token = body.nextPageToken;
  } while (token !== "");
  return records;
}

function check(records: ReadonlyMap<string, Json>, answered: readonly Answered[]): void {
  for (const { id, mode, json } of answered) {
    const record = records.get(id);
    assert.ok(record, `invocation ${id} was answered and is lost`);
    if (json !== undefined) assert.deepEqual(record.output, JSON.parse(unbase64(json)));
    if (mode === "sync") assert.equal(record.status, `${PREFIX}SUCCESS`, record.error);
    else if (record.status === `${PREFIX}ERROR`) {
      assert.match(record.error, /^INTERRUPTED: .* while it ran/);
    }
  }
  for (const { status, input, output, error } of records.values()) {
    if (status === `${PREFIX}SUCCESS`) assert.deepEqual(output, input);
    else assert.match(error, /^INTERRUPTED: /);
  }
  const ran = [...records.values()].filter(({ error }) => /while it ran/.test(error ?? ""));
  assert.ok(ran.length <= KILLS * MAX_RUNNING, `${ran.length} invocations ran when it was killed`);
}

Deno.test("kill -9 under load, three times: what was answered is found, and ends", async () => {
  await using directory = await makeTempDir();
  const options = { dataDir: directory.path, flags: FLAGS };
  const answered: Answered[] = [];
  let functionId: string | undefined;
  for (let kill = 0; kill < KILLS; kill++) {
    await using server = await TestServer.start(options);
    functionId ??= await (await server.client()).deploy(WORK);
    answered.push(...await loadAndKill(server, functionId));
  }
  assert.ok(functionId);
  await using server = await TestServer.start(options);
  const client = await server.client();
  check(await allEnded(client, functionId), answered);
  const { headers } = await client.invoke(functionId, { n: 1 });
  assert.equal(headers.get("invocation-status"), `${PREFIX}SUCCESS`);
});
