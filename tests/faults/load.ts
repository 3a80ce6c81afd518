/** The mixed load: callers of every kind, each of which notes what it was answered. */
import { type Client, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import { random } from "../support/seed.ts";
import { noise, Volume } from "../volumes/support.ts";
import type { Call, FinalFile, FinalRecord, History } from "./history.ts";
import type { Target } from "./target.ts";
import type { Witness } from "./witness.ts";

const SYNC_CALLERS = 3;
const ASYNC_CALLERS = 2;
const WRITERS = 2;
/** Sizes of files: a row of the database, and blobs of their own. */
const FILE_BYTES = [100, 40_000, 300_000] as const;
/** How long an invocation may take to end once there are no faults; a bound, not a measurement. */
const END_MS = 300_000;
/** Pause of a caller after a failed attempt. */
const RETRY_MS = 100;
/** Pause of an asynchronous caller, so that the queue stays short. */
const ASYNC_PAUSE_MS = 100;

/** Reports its run, and counts in its volume if asked to. */
const MAIN = `
import { vfs } from "@c1/functions-sdk";
export default async ({ key, host, counts, text }) => {
  const seen = await fetch("http://" + host + "/" + key + "/" + crypto.randomUUID());
  if (await seen.text() !== "seen") throw new Error("the witness did not see the run");
  if (!counts) return { key, text };
  const counted = (await vfs.exists("/n") ? Number(await vfs.readTextFile("/n")) : 0) + 1;
  await vfs.writeTextFile("/n", String(counted));
  await vfs.writeTextFile("/large", String(counted).repeat(20_000));
  return { key, counted };
};`;

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

/** What a load calls and writes to. */
export interface LoadIds {
  readonly functionId: string;
  readonly volumeId: string;
}

/** The invocations of a function, once all have ended. */
export async function recordsOf(client: Client, functionId: string): Promise<FinalRecord[]> {
  const records: FinalRecord[] = [];
  const path = `/api/v1/functions/${functionId}/invocations`;
  for (let token = "";;) {
    const { list, nextPageToken } = ok(
      await client.get(`${path}?page_size=100&page_token=${token}`),
    );
    for (const { id } of list) {
      const ended = await eventually(
        async () => {
          const record = recordOf(await client.invocation(functionId, id));
          return record.status === "SUCCESS" || record.status === "ERROR" ? record : undefined;
        },
        `the end of invocation ${id}`,
        END_MS,
      );
      records.push(ended);
    }
    if (nextPageToken === "") return records;
    token = nextPageToken;
  }
}

/** The callers of one run. */
export class Load {
  readonly #target: Target;
  readonly #witness: Witness;
  readonly ids: LoadIds;
  readonly #next: (below: number) => number;
  readonly #calls: Call[] = [];
  readonly #files: { path: string; acknowledged: number; sent: number }[] = [];
  readonly #stopping = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #numbers = 0;

  private constructor(
    target: Target,
    witness: Witness,
    ids: LoadIds,
    seed: number,
  ) {
    this.#target = target;
    this.#witness = witness;
    this.ids = ids;
    this.#next = random(seed);
  }

  static async start(target: Target, witness: Witness, seed: number): Promise<Load> {
    const client = await target.client();
    const functionId = await client.deploy(MAIN);
    const change = { id: functionId, outboundNetworkAllowlist: [witness.host] };
    const updateMask = "outboundNetworkAllowlist";
    ok(await client.post("/api/v1/functions/update", { function: change, updateMask }));
    const { id: volumeId } = await Volume.create(client);
    const load = new Load(target, witness, { functionId, volumeId }, seed);
    const times = <T>(count: number, start: (at: number) => T) =>
      Array.from({ length: count }, (_, at) => start(at));
    load.#running = Promise.all([
      ...times(SYNC_CALLERS, () => load.#repeat(() => load.#call("sync"))),
      ...times(ASYNC_CALLERS, () => load.#repeat(() => load.#call("async"))),
      ...times(WRITERS, (at) => {
        const file = { path: `files/${at}`, acknowledged: 0, sent: 0 };
        load.#files.push(file);
        return load.#repeat(() => load.#write(file));
      }),
    ]);
    return load;
  }

  /** Ends the callers, and reads what the server has. */
  async finish(): Promise<History> {
    this.#stopping.abort();
    await this.#running;
    this.#target.forgetToken();
    const client = await this.#target.client();
    const volume = new Volume(client, this.ids.volumeId);
    const files: FinalFile[] = [];
    for (const file of this.#files.filter(({ acknowledged }) => acknowledged > 0)) {
      const content = await volume.bytes(volume.file(file.path));
      files.push({ ...file, found: numberIn(content) });
    }
    const records = await recordsOf(client, this.ids.functionId);
    const { status, body } = await volume.read("n");
    const counter = status === 404 ? 0 : Number(body);
    return { calls: this.#calls, runs: this.#witness.runs, records, files, counter };
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) await work();
  }

  /** One call with its repeats: until it is acknowledged, or for some calls once. */
  async #call(mode: Call["mode"]): Promise<void> {
    const key = `${mode}-${++this.#numbers}`;
    const headers: Record<string, string> = { "idempotency-key": key };
    if (mode === "async") headers["prefer"] = "respond-async";
    const counts = this.#next(2) === 0;
    const repeats = this.#next(4) > 0;
    const text = "x".repeat(this.#next(3) === 0 ? 100_000 : 10);
    const input = { key, host: this.#witness.host, counts, text };
    const more = counts ? { vfsId: this.ids.volumeId } : {};
    const sentAt = performance.now();
    const send = () =>
      this.#request((client) => client.invoke(this.ids.functionId, input, headers, more));
    let answer = await send();
    while (answer?.status !== 200 && repeats && !this.#stopping.signal.aborted) {
      answer = await send();
    }
    if (mode === "async") await pause(ASYNC_PAUSE_MS);
    if (answer?.status !== 200) {
      this.#calls.push({ key, mode, sentAt });
      return;
    }
    const { invocationId: id, json } = answer.body;
    const output = mode === "sync" && json !== undefined ? { output: unbase64(json) } : {};
    const acknowledged = { at: performance.now(), id, ...output };
    this.#calls.push({ key, mode, sentAt, acknowledged });
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
    send: (client: Client) => Promise<{ status: number; body: Json }>,
  ): Promise<{ status: number; body: Json } | undefined> {
    try {
      const answer = await send(await this.#target.client());
      if (answer.status === 401) this.#target.forgetToken();
      if (answer.status >= 400) await pause(RETRY_MS);
      return answer;
    } catch {
      await pause(RETRY_MS);
      return undefined;
    }
  }
}

function recordOf({ id, status, input, output, error }: Json): FinalRecord {
  return {
    id,
    key: input.key,
    status: status.replace("FUNCTION_INVOCATION_STATUS_", ""),
    ...error === undefined || error === "" ? {} : { error },
    ...output === undefined ? {} : { output: JSON.stringify(output) },
    ...output?.counted === undefined ? {} : { counted: output.counted },
  };
}

/** Resolves after a time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
