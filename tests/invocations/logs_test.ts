import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { ECHO, HANG } from "./functions.ts";

const LIMIT_BYTES = 16 * 1024;
interface Line {
  readonly sequence: number;
  readonly time: string;
  readonly level: string;
  readonly source: string;
  readonly message: string;
}

function logsPath(id: string, invocationId: string): string {
  return `/api/v1/functions/${id}/invocations/${invocationId}/logs`;
}

/** Every line, page after page. */
async function allLines(client: Client, id: string, invocationId: string): Promise<Line[]> {
  const lines: Line[] = [];
  let token = "";
  do {
    const query = new URLSearchParams({ page_size: "100", page_token: token });
    const body = ok(await client.get(`${logsPath(id, invocationId)}?${query}`));
    lines.push(...body.list);
    token = body.nextPageToken;
  } while (token !== "");
  assert.deepEqual(
    lines.map(({ sequence }) => sequence),
    lines.map((_, i) => i + 1),
    "sequence numbers have no gap",
  );
  return lines;
}

/** The lines of one invocation of a new function. */
async function linesOf(client: Client, main: string): Promise<Line[]> {
  const id = await client.deploy(main);
  const { body } = await client.invoke(id);
  return await allLines(client, id, body.invocationId);
}

async function levels({ client }: Stage): Promise<void> {
  const lines = await linesOf(
    client,
    `console.log("loaded", { a: [1] });
export default async () => {
  console.debug("debug");
  console.info("info %d %s", 17, "text");
  console.warn("warn");
  console.error("error", new Map([["k", 1]]));
  await Promise.resolve();
  console.log("two\\nlines");
  console.log("");
  console.log("🦕 \\u001b[31mred");
  return {};
};`,
  );
  assert.deepEqual(lines.map(({ level, message }) => [level, message]), [
    ["info", "loaded { a: [ 1 ] }"],
    ["debug", "debug"],
    ["info", "info 17 text"],
    ["warn", "warn"],
    ["error", 'error Map(1) { "k" => 1 }'],
    ["info", "two\nlines"],
    ["info", ""],
    ["info", "🦕 \u001b[31mred"],
  ]);
  assert.deepEqual([...new Set(lines.map(({ source }) => source))], ["console"]);
  const times = lines.map(({ time }) => time);
  assert.deepEqual(times, times.toSorted());
  for (const time of times) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const fields = ["level", "message", "sequence", "source", "time", "traceId"];
  for (const line of lines) assert.deepEqual(Object.keys(line).sort(), fields);
}

async function rawStreams({ client }: Stage): Promise<void> {
  const lines = await linesOf(
    client,
    `const write = (stream: { writeSync(b: Uint8Array): number }, text: string) =>
  stream.writeSync(new TextEncoder().encode(text));
export default () => {
  write(Deno.stdout, "one\\r\\ntw");
  write(Deno.stdout, "o\\nrest");
  write(Deno.stderr, "complaint\\n");
  return {};
};`,
  );
  const of = (stream: string) =>
    lines.filter(({ source }) => source === stream).map(({ level, message }) => [level, message]);
  assert.deepEqual(of("stdout"), [["info", "one"], ["info", "two"], ["info", "rest"]]);
  assert.deepEqual(of("stderr"), [["error", "complaint"]]);
  await longErrors(client);
}

/** More lines than the server reads at once, by the ways that packages use, directly before the answer. */
async function longErrors(client: Client): Promise<void> {
  const lines = await linesOf(
    client,
    `import { stderr } from "node:process";
export default async () => {
  for (let n = 0; n < 200; n++) stderr.write("node " + n + "\\n");
  const writer = Deno.stderr.writable.getWriter();
  await writer.write(new TextEncoder().encode("web\\n"));
  return {};
};`,
  );
  const errors = lines.filter(({ source }) => source === "stderr").map(({ message }) => message);
  assert.deepEqual([errors.length, errors.at(-2), errors.at(-1)], [
    201,
    "node 199",
    "web",
  ]);
}

async function pages({ client }: Stage): Promise<void> {
  const id = await client.deploy(
    "export default () => { for (let i = 1; i <= 60; i++) console.log(`line ${i}`); return {}; };",
  );
  const { body } = await client.invoke(id);
  const path = logsPath(id, body.invocationId);
  const messages = (answer: Json) => answer.list.map(({ message }: Line) => message);
  const expected = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}`);
  const first = (await client.get(path)).body;
  assert.deepEqual(messages(first), expected(1, 25));
  const second = (await client.get(`${path}?page_token=${first.nextPageToken}`)).body;
  assert.deepEqual(messages(second), expected(26, 50));
  const last = (await client.get(`${path}?pageToken=${second.nextPageToken}&pageSize=12`)).body;
  assert.deepEqual([messages(last), last.nextPageToken], [expected(51, 60), ""]);
  const small = (await client.get(`${path}?page_size=1`)).body;
  assert.deepEqual(messages(small), expected(1, 10));
  const back = (await client.get(`${path}?page_token=${first.nextPageToken}`)).body;
  assert.deepEqual(messages(back), expected(26, 50), "a token can be used again");

  const other = await client.invoke(id);
  const foreign = `${logsPath(id, other.body.invocationId)}?page_token=${first.nextPageToken}`;
  assertError(await client.get(foreign), "INVALID_PAGE_TOKEN");
}

async function capped({ client }: Stage): Promise<void> {
  const floods = [
    'for (let i = 0; i < 5000; i++) console.log("line " + i);',
    `console.error("x".repeat(${LIMIT_BYTES * 4}));`,
    `Deno.stdout.writeSync(new Uint8Array(${LIMIT_BYTES * 4}).fill(120));`,
    'for (let i = 0; i < 50000; i++) console.log("");',
  ];
  for (const flood of floods) {
    const id = await client.deploy(`export default () => { ${flood} return { done: true }; };`);
    const { body } = await client.invoke(id);
    assert.ok(body.json, "a flood of logs does not fail the invocation");
    const lines = await allLines(client, id, body.invocationId);
    const { level, source, message } = lines.at(-1) ?? {};
    assert.deepEqual([level, source], ["warn", "system"], flood);
    assert.match(message ?? "", /^log truncated: limit of .* reached \(--max-log\)$/);
    assert.equal(lines.filter(({ source }) => source === "system").length, 1, "one mark");
    const bytes = lines.slice(0, -1).reduce((sum, { message }) => sum + message.length, 0);
    assert.ok(bytes <= LIMIT_BYTES, `${bytes} bytes are over the limit`);
    if (flood.includes("repeat")) assert.ok(bytes > LIMIT_BYTES / 2, `only ${bytes} bytes`);
  }
  const [only, ...more] = await linesOf(
    client,
    `export default () => { console.log("x".repeat(${LIMIT_BYTES / 2})); return {}; };`,
  );
  assert.deepEqual([only?.message.length, more], [LIMIT_BYTES / 2, []]);
}

/** Stacks that a function logs have the positions of its author, in the order of all lines. */
async function stacks({ client }: Stage): Promise<void> {
  const id = await client.deploy(
    `import { fail } from "./lib/fail.ts";
export default async (input: { again?: boolean }) => {
  console.log("before");
  try {
    fail();
  } catch (error: any) {
    console.error("caught", error);
    console.log("between");
    console.log(JSON.stringify({ stack: error.stack }));
    Deno.stderr.writeSync(new TextEncoder().encode(error.stack + "\\n"));
  }
  console.trace("here");
  console.log("no position: invoked:bundle.js");
  return {};
};`,
    {
      "lib/fail.ts": `/** A comment
 * that the bundle does not keep. */
export function fail(): never {
  throw new Error("logged", { cause: new TypeError("why") });
}
`,
    },
  );
  const { body } = await client.invoke(id);
  const all = await allLines(client, id, body.invocationId);
  const lines = all.filter(({ source }) => source === "console").map(({ message }) => message);
  const at = "at fail \\(lib/fail\\.ts:4:9\\)";
  assert.equal(lines[0], "before");
  assert.match(
    lines[1] ?? "",
    new RegExp(
      `^caught Error: logged\n +${at}\n +at .*main\\.ts:5:5.*\\[cause\\]: .*fail\\.ts:4:38`,
      "s",
    ),
  );
  assert.equal(lines[2], "between");
  assert.match(JSON.parse(lines[3] ?? "").stack, new RegExp(`^Error: logged\n +${at}\n`));
  assert.match(lines[4] ?? "", /^Trace: here\n +at .*main\.ts:12:11/);
  assert.equal(lines[5], "no position: invoked:bundle.js");
  const raw = all.filter(({ source }) => source === "stderr").map(({ message }) => message);
  assert.match(raw[1] ?? "", new RegExp(`^ +${at}$`));
}

/** A function can return a stack, or make it a part of a message. */
async function stacksElsewhere({ client }: Stage): Promise<void> {
  const id = await client.deploy(`export default (input: { again?: boolean }) => {
  const captured = {} as { stack: string };
  Error.captureStackTrace(captured);
  if (input.again) throw new Error("wrapped " + captured.stack);
  return { stack: captured.stack };
};`);
  const { body } = await client.invoke(id);
  assert.match(JSON.parse(atob(body.json)).stack, /^Error\n +at \S+ \(main\.ts:3:9\)$/m);
  const { invocationId } = (await client.invoke(id, { again: true })).body;
  const { error } = await client.invocation(id, invocationId);
  assert.match(error, /^UNCAUGHT: Error: wrapped Error\n +at \S+ \(main\.ts:3:9\)/);
  assert.doesNotMatch(error, /bundle\.js/);
}

async function ofFailures({ client }: Stage): Promise<void> {
  const endings = [
    'throw new Error("no");',
    "Deno.exit(1);",
    "return 17;",
    "return new Promise(() => {});",
  ];
  for (const ending of endings) {
    const lines = await linesOf(
      client,
      `export default () => { console.log("before"); ${ending} };`,
    );
    const [first, ...rest] = lines;
    assert.equal(first?.message, "before", ending);
    assert.deepEqual(rest, [], `nothing of the engine's own: ${ending}`);
  }
}

async function whileRunning({ client }: Stage): Promise<void> {
  const id = await client.deploy(HANG);
  const { body } = await client.invoke(id, {}, { prefer: "respond-async" });
  const [line] = await eventually(async () => {
    const { list } = (await client.get(logsPath(id, body.invocationId))).body;
    return list.length > 0 ? list as Line[] : undefined;
  });
  assert.equal(line?.message, "up");
  const { status } = await client.invocation(id, body.invocationId);
  assert.equal(status, "FUNCTION_INVOCATION_STATUS_RUNNING");
  await client.post(logsPath(id, body.invocationId).replace(/logs$/, "cancel"));
  assert.deepEqual(await allLines(client, id, body.invocationId), [line]);
}

async function unknown({ client }: Stage): Promise<void> {
  const id = await client.deploy(ECHO);
  const other = await client.deploy(ECHO);
  const { body } = await client.invoke(id);
  assert.deepEqual((await client.get(logsPath(id, body.invocationId))).body, {
    list: [],
    nextPageToken: "",
  });
  for (const headers of [{}, { accept: "text/event-stream" }]) {
    const missing = "INVOCATION_NOT_FOUND";
    assertError(await client.get(logsPath(id, "2".repeat(27)), headers), missing);
    assertError(await client.get(logsPath(other, body.invocationId), headers), missing);
    const nowhere = "FUNCTION_NOT_FOUND";
    assertError(await client.get(logsPath("nothing", body.invocationId), headers), nowhere);
  }
}

sharedSuite("logs of an invocation", {
  "have level, time and order of console calls": levels,
  "hold the lines of raw stdout and stderr": rawStreams,
  "come in pages": pages,
  "end at the limit with one visible mark": capped,
  "have the author's positions in stacks": stacks,
  "have them in outputs and messages, too": stacksElsewhere,
  "are kept of invocations that fail": ofFailures,
  "can be read while it runs": whileRunning,
  "belong to one function and invocation": unknown,
}, "limited");
