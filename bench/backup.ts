/**
 * Takes a backup of a server with large volumes while clients invoke, and compares their times with and without it.
 *
 *     deno task backup-bench [--gib 1] [--clients 4] [--seconds 30] [--dir DIR]
 *
 * Volumes are filled with files of 16 MiB of noise, up to 10 GiB. Clients invoke one after another for the seconds
 * before, and then from the begin to the end of each of two backups into a folder: the first copies everything, the
 * second only what is new. Prints sizes, seconds, and the ratio of the 99th percentiles. `--dir` is on the disk to
 * measure; the server and the backup share it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formatBytes } from "../src/config/mod.ts";
import type { Client } from "../tests/support/client.ts";
import { ok } from "../tests/support/expect.ts";
import { runInvoked } from "../tests/support/invoked.ts";
import { TestServer } from "../tests/support/server.ts";
import { Volume } from "../tests/volumes/support.ts";
import { describeMachine, loadAverage } from "./machine.ts";
import { percentile } from "./statistics.ts";
import { HELLO } from "./workload.ts";

const GIB = 1024 ** 3;
const GIB_MAX = 10;
const FILE_BYTES = 16 * 1024 * 1024;
const FILES_PER_VOLUME = 32;
/** What `crypto.getRandomValues` gives at once. */
const RANDOM_BYTES_MAX = 65_536;

function noise(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FILE_BYTES);
  for (let at = 0; at < FILE_BYTES; at += RANDOM_BYTES_MAX) {
    crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_MAX));
  }
  return bytes;
}

async function fill(client: Client, bytes: number): Promise<void> {
  let volume: Volume | undefined;
  for (let file = 0; file * FILE_BYTES < bytes; file++) {
    if (file % FILES_PER_VOLUME === 0) {
      volume = await Volume.create(client, { quotaBytes: `${FILES_PER_VOLUME * FILE_BYTES}` });
    }
    const { status } = await volume?.put(`file-${file}`, noise()) ?? {};
    assert.equal(status, 201);
  }
}

/** Invokes from several clients until the work ends. @returns milliseconds of each invocation */
async function during(
  client: Client,
  functionId: string,
  clients: number,
  work: Promise<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  let isOver = false;
  const ended = work.finally(() => isOver = true);
  await Promise.all(Array.from({ length: clients }, async () => {
    while (!isOver) {
      const start = performance.now();
      ok(await client.invoke(functionId, { name: "bench" }));
      times.push(performance.now() - start);
    }
  }));
  await ended;
  return times;
}

function inWords(times: readonly number[]): string {
  const [p50, p99] = [50, 99].map((percent) => percentile(times, percent).toFixed(1));
  return `p50 ${p50} ms, p99 ${p99} ms, ${times.length} invocations`;
}

const { values } = parseArgs({
  options: {
    gib: { type: "string", default: "1" },
    clients: { type: "string", default: "4" },
    seconds: { type: "string", default: "30" },
    dir: { type: "string" },
  },
});
const gib = Number(values.gib);
const clients = Number(values.clients);
const seconds = Number(values.seconds);
if (!(gib > 0 && gib <= GIB_MAX)) {
  throw new RangeError(`--gib must be above 0 and at most ${GIB_MAX}`);
}
const directory = await Deno.makeTempDir({
  prefix: "invoked-bench-backup-",
  ...values.dir === undefined ? {} : { dir: values.dir },
});
try {
  console.log(JSON.stringify(describeMachine()));
  console.log(`load average ${loadAverage()}`);
  await using server = await TestServer.start({ dataDir: join(directory, "data") });
  const client = await server.client();
  const functionId = await client.deploy(HELLO.source);
  await fill(client, gib * GIB);
  const pause = new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const alone = await during(client, functionId, clients, pause);
  console.log(`without a backup: ${inWords(alone)}`);
  for (const name of ["first", "second"]) {
    const start = performance.now();
    const args = ["backup", join(directory, "backups"), "--data", server.dataDir, "--json"];
    const backup = runInvoked(args);
    const beside = await during(client, functionId, clients, backup);
    const took = (performance.now() - start) / 1000;
    const { code, stdout, stderr } = await backup;
    assert.equal(code, 0, stderr);
    const { bytes, writtenBytes, contents, newContents } = JSON.parse(stdout);
    const ratio = percentile(beside, 99) / percentile(alone, 99);
    console.log(
      `${name} backup: ${
        formatBytes(bytes)
      } with ${contents} contents, of which ${newContents} are new ` +
        `(${formatBytes(writtenBytes)} written), in ${took.toFixed(1)} s`,
    );
    console.log(
      `  beside it: ${inWords(beside)}; p99 is ${ratio.toFixed(2)} times that without it`,
    );
  }
} finally {
  await Deno.remove(directory, { recursive: true });
}
