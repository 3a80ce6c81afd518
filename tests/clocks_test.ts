/** Waits follow the monotonic clock: an operator, a time server or the host of a virtual machine may set the wall clock. */
import assert from "node:assert/strict";
import { readFiles } from "./support/repository.ts";

/** Folders whose deadlines, ages and pauses concern this process alone. */
const FOLDERS = [
  "src/builder",
  "src/cluster",
  "src/domain/ownership",
  "src/domain/triggers",
  "src/engine",
  "src/sandbox",
  "src/shared",
  "src/store/blobs",
];

/** The files in them that read the wall clock, each with what the time is for: others read the time, too. */
const READERS: Readonly<Record<string, string>> = {
  "src/cluster/dispatch/owner_session.ts": "the time of a log line",
  "src/cluster/objects/bucket.ts": "the age of stored content, whose time is that of NATS",
  "src/cluster/objects/layout.ts": "retentions, which all nodes read and which outlive a crash",
  "src/cluster/objects/s3/bucket.ts": "the age of stored content, whose time is that of S3",
  "src/cluster/objects/s3/xml.ts": "the time of S3, and the own one if S3 names none",
  "src/domain/triggers/schedules.ts": "the times of schedules, which are times of day",
  "src/sandbox/instance/logs.ts": "the times of log lines",
  "src/shared/time.ts": "conversion between the two clocks",
};

const WALL_CLOCK = /\bDate\.now\b/;

Deno.test("deadlines, ages and pauses of a process follow the monotonic clock", async () => {
  const folders = await Promise.all(FOLDERS.map(readFiles));
  const readers = folders.flatMap((files) =>
    Array.from(files, ([path, text]) => WALL_CLOCK.test(text) ? path : [])
  );
  assert.deepEqual(readers.flat().toSorted(), Object.keys(READERS));
});
