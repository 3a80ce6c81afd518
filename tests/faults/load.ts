/** The mixed load: callers of every kind, each of which notes what it was answered. */
import { type Answer, type Client, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { random } from "../support/seed.ts";
import { noise, Volume } from "../volumes/support.ts";
import type { FinalFile, FinalRecord, History, SentInvocation, Sighting } from "./history.ts";
import type { Witness } from "./witness.ts";

/** How many callers of each kind call at the same time. */
const CALLERS = { sync: 3, async: 2, writers: 2 } as const;
/** Sizes of files: a row of the database, and blobs of their own. */
const FILE_BYTES = [100, 40_000, 300_000] as const;
/** How long the invocations may take to end once there are no faults; a bound, not a measurement. */
const END_MS = 300_000;
/** How long a server may take until an invocation succeeds once there are no faults; a bound, not a measurement. */
const SERVE_MS = 60_000;
/** Pause of a caller after a failed attempt. */
const RETRY_MS = 100;
/** Pause of an asynchronous caller, so that the queue stays short. */
const ASYNC_PAUSE_MS = 100;
/** How long some invocations run, at most, so that faults meet them. */
const RUN_MS_MAX = 1_500;
/** How soon an invocation is cancelled, at most. */
const CANCEL_AFTER_MS_MAX = 500;
/** How long a caller waits for the end of an asynchronous invocation. */
const WAIT_SECONDS = 10;
const PAGE_SIZE = 100;
/** How often the large file of the volume has its counter, so that it is a blob of its own. */
const LARGE_REPEATS = 20_000;

/** Reports its run, waits, calls itself, and counts in its volume, as it is asked to. */
const MAIN = `
import { sdk, vfs } from "@c1/functions-sdk";
const encode = (value) => new TextEncoder().encode(JSON.stringify(value)).toBase64();
const call = async (functionId, input) => {
  try {
    const request = { json: encode(input) };
    const { functionsServiceInvokeResponse: { invocationId: id, json } } =
      await sdk.functions.invoke({ functionId, functionsServiceInvokeRequest: request });
    if (json === undefined) return { id };
    return { id, output: JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(json))) };
  } catch {
    return undefined;
  }
};
export default async ({ key, host, counts, calls, ms, text }, { functionId, attempt }) => {
  const seen = await fetch("http://" + host + "/" + key + "/" + crypto.randomUUID());
  if (await seen.text() !== "seen") throw new Error("the witness did not see the run");
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  const nested = calls ? await call(functionId, { key: key + "." + attempt, host }) : undefined;
  if (!counts) return { key, text, nested };
  const counted = (await vfs.exists("/n") ? Number(await vfs.readTextFile("/n")) : 0) + 1;
  await vfs.writeTextFile("/n", String(counted));
  await vfs.writeTextFile("/large", String(counted).repeat(${LARGE_REPEATS}));
  return { key, counted, nested };
};`;

/** The target of the load: a server that starts again, or several of them. */
export interface Door {
  /** A client with a token; waits for a server. Of several servers it is any that runs. */
  client(): Promise<Client>;
  /** Forgets a token that was rejected; of all servers if none is given. */
  forgetToken(client?: Client): void;
}

/** The plan of one invocation, drawn from the seed. */
interface Plan {
  readonly key: string;
  readonly mode: SentInvocation["mode"];
  /** An invocation without an idempotency key is requested once. */
  readonly headers: Readonly<Record<string, string>>;
  readonly input: Json;
  readonly more: Json;
  readonly repeats: boolean;
  readonly isCancelled: boolean;
  /** Whether the caller of an asynchronous invocation repeats the request to wait for the end. */
  readonly waits: boolean;
}

/** A content that shows its number: the number, then bytes that follow from it. */
function contentOf(number: number): Uint8Array {
  const bytes = noise(FILE_BYTES[number % FILE_BYTES.length] ?? 0, number);
  new TextEncoder().encodeInto(`${number}\n`, bytes);
  return bytes;
}

/** The number of a content; undefined for one that no write had. */
export function numberIn(content: Uint8Array): number | undefined {
  const number = Number.parseInt(new TextDecoder().decode(content.subarray(0, 12)));
  return Buffer.from(contentOf(number)).equals(content) ? number : undefined;
}

/** The functions that a load calls, and the volumes that it writes to. */
export interface LoadIds {
  readonly functionId: string;
  readonly volumeId: string;
}

/** The invocations of a function, once all have ended. */
export async function recordsOf(client: Client, functionId: string): Promise<FinalRecord[]> {
  let unfinished: FinalRecord[] = [];
  try {
    return await eventually(
      async () => {
        const records = await listOf(client, functionId);
        unfinished = records.filter(({ status }) => status === "PENDING" || status === "RUNNING");
        return unfinished.length === 0 ? records : undefined;
      },
      "the end of all invocations",
      END_MS,
    );
  } catch (error) {
    if (unfinished.length === 0) throw error;
    return await listOf(client, functionId);
  }
}

/** The invocations of a function as they are. */
async function listOf(client: Client, functionId: string): Promise<FinalRecord[]> {
  const records: FinalRecord[] = [];
  const path = `/api/v1/functions/${functionId}/invocations?page_size=${PAGE_SIZE}`;
  for (let token = "";;) {
    const { list, nextPageToken } = ok(await client.get(`${path}&page_token=${token}`));
    records.push(...list.map(recordOf));
    if (nextPageToken === "") return records;
    token = nextPageToken;
  }
}

/** The callers of one run. */
export class Load {
  readonly #door: Door;
  readonly #witness: Witness;
  readonly ids: LoadIds;
  readonly #next: (below: number) => number;
  readonly #invocations: SentInvocation[] = [];
  readonly #sightings: Sighting[] = [];
  readonly #files: { path: string; acknowledged: number; sent: number }[] = [];
  readonly #stopping = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #numbers = 0;

  private constructor(door: Door, witness: Witness, ids: LoadIds, seed: number) {
    this.#door = door;
    this.#witness = witness;
    this.ids = ids;
    this.#next = random(seed);
  }

  static async start(door: Door, witness: Witness, seed: number): Promise<Load> {
    const client = await door.client();
    const functionId = await client.deploy(MAIN);
    const change = {
      id: functionId,
      outboundNetworkAllowlist: [witness.host],
      scopedRoleIds: ["invoker"],
    };
    const updateMask = "outboundNetworkAllowlist,scopedRoleIds";
    ok(await client.post("/api/v1/functions/update", { function: change, updateMask }));
    const { id: volumeId } = await Volume.create(client);
    const load = new Load(door, witness, { functionId, volumeId }, seed);
    const times = <T>(count: number, start: (at: number) => T) =>
      Array.from({ length: count }, (_, at) => start(at));
    load.#running = Promise.all([
      ...times(CALLERS.sync, () => load.#repeat(() => load.#make(load.#plan("sync")))),
      ...times(CALLERS.async, () => load.#repeat(() => load.#make(load.#plan("async")))),
      ...times(CALLERS.writers, (at) => {
        const file = { path: `files/${at}`, acknowledged: 0, sent: 0 };
        load.#files.push(file);
        return load.#repeat(() => load.#write(file));
      }),
    ]);
    return load;
  }

  /** Makes one small synchronous invocation with one request, which is a part of the history. Never rejects. */
  async probe(): Promise<boolean> {
    const key = `probe-${++this.#numbers}`;
    const input = { key, host: this.#witness.host, text: "" };
    const once = { repeats: false, isCancelled: false, waits: false };
    await this.#make({ key, mode: "sync", headers: {}, input, more: {}, ...once });
    const made = this.#invocations.findLast((invocation) => invocation.key === key);
    return made?.acknowledged?.output !== undefined;
  }

  /** Shows that the server serves, ends the callers, and reads what the server has. */
  async finish(): Promise<History> {
    const begun = performance.now();
    while (!await this.probe() && performance.now() - begun < SERVE_MS);
    this.#stopping.abort();
    await this.#running;
    this.#door.forgetToken();
    const client = await this.#door.client();
    const volume = new Volume(client, this.ids.volumeId);
    const files: FinalFile[] = [];
    for (const file of this.#files.filter(({ acknowledged }) => acknowledged > 0)) {
      const content = await volume.bytes(volume.file(file.path));
      files.push({ ...file, found: numberIn(content) });
    }
    const records = await recordsOf(client, this.ids.functionId);
    const { status, body } = await volume.read("n");
    const counter = status === 404 ? 0 : Number(body);
    if (counter > 0) files.push(await largeFile(volume, counter));
    const { runs } = this.#witness;
    return {
      invocations: this.#invocations,
      sightings: this.#sightings,
      runs,
      records,
      files,
      counter,
    };
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) await work();
  }

  #plan(mode: SentInvocation["mode"]): Plan {
    const next = this.#next;
    const isIn = (so: number) => next(so) === 0;
    const key = `${mode}-${++this.#numbers}`;
    const isKeyed = !isIn(4);
    const input = {
      key,
      host: this.#witness.host,
      counts: isIn(2),
      calls: isIn(4),
      ms: isIn(2) ? next(RUN_MS_MAX) : 0,
      text: "x".repeat(isIn(3) ? 100_000 : 10),
    };
    return {
      key,
      mode,
      headers: {
        ...isKeyed ? { "idempotency-key": key } : {},
        ...mode === "async" ? { prefer: "respond-async" } : {},
      },
      input,
      more: input.counts ? { vfsId: this.ids.volumeId } : {},
      repeats: isKeyed && !isIn(4),
      isCancelled: isIn(10) && (isKeyed || mode === "async"),
      waits: isKeyed && isIn(3),
    };
  }

  /** Makes one invocation, and repeats the request until it is acknowledged; some are requested only once. */
  async #make(plan: Plan): Promise<void> {
    const { key, mode, repeats, isCancelled } = plan;
    const sentAt = performance.now();
    const cancelled = mode === "sync" && isCancelled ? this.#cancelByKey(key) : undefined;
    let answer = await this.#send(plan);
    while (answer?.status !== 200 && repeats && !this.#stopping.signal.aborted) {
      answer = await this.#send(plan);
    }
    const at = performance.now();
    await cancelled;
    const invocation = { key, mode, sentAt, isCancelled };
    if (answer?.status !== 200) return void this.#invocations.push(invocation);
    const { invocationId: id, json } = answer.body;
    const output = mode === "sync" && json !== undefined ? { output: unbase64(json) } : {};
    this.#invocations.push({ ...invocation, acknowledged: { at, id, ...output } });
    if (mode === "async") await this.#follow(plan, id);
  }

  /** Sends it, and notes the end that the answer may have. */
  async #send({ input, headers, more }: Plan): Promise<Answer<Json> | undefined> {
    const answer = await this.#request((client) =>
      client.invoke(this.ids.functionId, input, headers, more)
    );
    if (answer?.status === 200) {
      const { invocationId: id, json } = answer.body;
      const status = statusOf(answer.headers.get("invocation-status") ?? "");
      this.#see({ id, status, ...json === undefined ? {} : { output: unbase64(json) } });
    }
    return answer;
  }

  /** Acts as the caller of an asynchronous invocation once it has the id. */
  async #follow(plan: Plan, id: string): Promise<void> {
    if (plan.isCancelled) {
      await pause(this.#next(CANCEL_AFTER_MS_MAX));
      await this.#cancel(id);
    }
    if (plan.waits) {
      await this.#send({ ...plan, headers: { ...plan.headers, prefer: `wait=${WAIT_SECONDS}` } });
    } else await pause(ASYNC_PAUSE_MS);
  }

  /** Looks for the invocation of a key a moment later, and cancels it. */
  async #cancelByKey(key: string): Promise<void> {
    await pause(this.#next(CANCEL_AFTER_MS_MAX));
    const path = `/api/v1/functions/${this.ids.functionId}/invocations/search`;
    const found = await this.#request((client) => client.post(path, { idempotencyKey: key }));
    const id = found?.status === 200 ? found.body.list[0]?.id : undefined;
    if (id !== undefined) await this.#cancel(id);
  }

  async #cancel(id: string): Promise<void> {
    const path = `/api/v1/functions/${this.ids.functionId}/invocations/${id}/cancel`;
    const answer = await this.#request((client) => client.post(path, {}));
    if (answer?.status === 200) this.#see(recordOf(answer.body.invocation));
  }

  #see({ id, status, output, error }: Omit<Sighting, "status"> & Pick<FinalRecord, "status">) {
    if (status !== "SUCCESS" && status !== "ERROR") return;
    const end = {
      ...output === undefined ? {} : { output },
      ...error === undefined ? {} : { error },
    };
    this.#sightings.push({ id, status, ...end });
  }

  async #write(file: { path: string; acknowledged: number; sent: number }): Promise<void> {
    const number = ++file.sent;
    const answer = await this.#request((client) =>
      new Volume(client, this.ids.volumeId).put(file.path, contentOf(number))
    );
    if (answer !== undefined && answer.status < 300) file.acknowledged = number;
    else await pause(RETRY_MS);
  }

  /** One request; undefined if its connection broke. */
  async #request(
    send: (client: Client) => Promise<Answer<Json>>,
  ): Promise<Answer<Json> | undefined> {
    try {
      const client = await this.#door.client();
      const answer = await send(client);
      if (answer.status === 401) this.#door.forgetToken(client);
      if (answer.status >= 400) await pause(RETRY_MS);
      return answer;
    } catch {
      await pause(RETRY_MS);
      return undefined;
    }
  }
}

/** What was written together with the counter. */
async function largeFile(volume: Volume, counter: number): Promise<FinalFile> {
  const { body } = await volume.read("large");
  const found = body === String(counter).repeat(LARGE_REPEATS) ? counter : undefined;
  return { path: "large", acknowledged: counter, sent: counter, found };
}

function recordOf(
  { id, status, input, output, error, attempt = 0, maxAttempts, updatedAt }: Json,
): FinalRecord {
  const nested = output?.nested;
  return {
    id,
    key: input.key,
    status: statusOf(status),
    attempt,
    maxAttempts,
    endedAt: Date.parse(updatedAt) - performance.timeOrigin,
    ...error === undefined || error === "" ? {} : { error },
    ...output === undefined ? {} : { output: JSON.stringify(output) },
    ...output?.counted === undefined ? {} : { counted: output.counted },
    ...nested === undefined ? {} : { nested: nestedEnd(nested) },
  };
}

function nestedEnd({ id, output }: Json): Sighting {
  if (output === undefined) return { id, status: "ERROR" };
  return { id, status: "SUCCESS", output: JSON.stringify(output) };
}

function statusOf(name: string): FinalRecord["status"] {
  return name.replace("FUNCTION_INVOCATION_STATUS_", "") as FinalRecord["status"];
}

/** Resolves after a time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
