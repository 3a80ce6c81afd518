import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { quietSuite, type Stage } from "../support/suite.ts";
import { HANG, SLEEP } from "./functions.ts";

interface Event {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Json;
}

/** Follows the log of an invocation; leaving the loop hangs up. */
async function* follow(
  { url, token }: Client,
  functionId: string,
  invocationId: string,
  headers: Readonly<Record<string, string>> = {},
): AsyncGenerator<Event> {
  const path = `/api/v1/functions/${functionId}/invocations/${invocationId}/logs`;
  const response = await fetch(new URL(path, url), {
    headers: { accept: "text/event-stream", authorization: `Bearer ${token}`, ...headers },
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  let text = "";
  for await (
    const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())
  ) {
    text += chunk;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
      const data = field("data");
      if (data !== undefined) {
        yield { event: field("event") ?? "message", id: field("id"), data: JSON.parse(data) };
      }
    }
  }
  assert.equal(text, "", "the stream ends with a whole event");
}

const COUNT = `export default async ({ waitMs }: { waitMs: number }) => {
  for (let i = 1; i <= 5; i++) {
    console.log("line " + i);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
  return {};
};`;

const lines = (events: readonly Event[]) =>
  events.filter(({ event }) => event === "log").map(({ data }) => data.message);

async function live({ client }: Stage): Promise<void> {
  const id = await client.deploy(HANG);
  const { body } = await client.invoke(id, {}, { prefer: "respond-async" });
  const events: Event[] = [];
  for await (const event of follow(client, id, body.invocationId)) {
    events.push(event);
    if (event.event !== "log") continue;
    // It hangs for ever: the line came before the end.
    assert.equal(event.data.message, "up");
    assert.equal(event.id, "1");
    await client.post(`/api/v1/functions/${id}/invocations/${body.invocationId}/cancel`);
  }
  assert.deepEqual(events.map(({ event }) => event), ["log", "end"]);
  assert.deepEqual(events.at(-1)?.data, { status: "FUNCTION_INVOCATION_STATUS_ERROR" });
}

async function inOrder({ client }: Stage): Promise<void> {
  const id = await client.deploy(COUNT);
  const { body } = await client.invoke(id, { waitMs: 60 }, { prefer: "respond-async" });
  const followers = await Promise.all(
    [1, 2].map(() => Array.fromAsync(follow(client, id, body.invocationId))),
  );
  for (const events of followers) {
    assert.deepEqual(lines(events), ["line 1", "line 2", "line 3", "line 4", "line 5"]);
    assert.deepEqual(events.map(({ id }) => id), ["1", "2", "3", "4", "5", undefined]);
    assert.deepEqual(events.at(-1)?.event, "end");
    assert.deepEqual(events.at(-1)?.data, { status: "FUNCTION_INVOCATION_STATUS_SUCCESS" });
  }
  const listed = await client.get(
    `/api/v1/functions/${id}/invocations/${body.invocationId}/logs`,
  );
  assert.deepEqual(followers[0]?.slice(0, -1).map(({ data }) => data), listed.body.list);
}

async function replays({ client }: Stage): Promise<void> {
  const id = await client.deploy(COUNT);
  const { body } = await client.invoke(id, { waitMs: 0 });
  const after = async (lastEventId: string) =>
    await Array.fromAsync(follow(client, id, body.invocationId, { "last-event-id": lastEventId }));
  assert.deepEqual(lines(await Array.fromAsync(follow(client, id, body.invocationId))).length, 5);
  assert.deepEqual(lines(await after("3")), ["line 4", "line 5"]);
  for (const nothingLeft of ["5", "999999999999999"]) {
    assert.deepEqual((await after(nothingLeft)).map(({ event }) => event), ["end"]);
  }
  for (const nonsense of ["-1", "x", "1e3", "1".repeat(40)]) {
    assert.equal(lines(await after(nonsense)).length, 5, nonsense);
  }
}

async function resumes({ client }: Stage): Promise<void> {
  const id = await client.deploy(COUNT);
  const { body } = await client.invoke(id, { waitMs: 80 }, { prefer: "respond-async" });
  let last: Event | undefined;
  for await (const event of follow(client, id, body.invocationId)) {
    last = event;
    if (event.id === "2") break;
  }
  assert.equal(last?.data.message, "line 2");
  const rest = await Array.fromAsync(
    follow(client, id, body.invocationId, { "last-event-id": "2" }),
  );
  assert.deepEqual(lines(rest), ["line 3", "line 4", "line 5"]);
}

async function waitsForTheStart({ client }: Stage): Promise<void> {
  const id = await client.deploy(SLEEP);
  const first = await client.invoke(id, { ms: 300 }, { prefer: "respond-async" });
  const second = await client.invoke(id, { ms: 1 }, { prefer: "respond-async" });
  const events = await Array.fromAsync(follow(client, id, second.body.invocationId));
  assert.deepEqual(events.map(({ event }) => event), ["log", "end"]);
  await client.ended(id, first.body.invocationId);
}

async function hangsUp({ server, client }: Stage): Promise<void> {
  const id = await client.deploy(HANG);
  const { body } = await client.invoke(id, {}, { prefer: "respond-async" });
  const path = `/api/v1/functions/${id}/invocations/${body.invocationId}/logs`;
  // Once it runs, its instance has all of its sockets.
  await eventually(async () => (await client.get(path)).body.list.length > 0 || undefined);
  const before = await connections(server.pid);
  const hungUp = Array.from({ length: 20 }, async () => {
    for await (const _ of follow(client, id, body.invocationId)) break;
  });
  await Promise.all(hungUp);
  await eventually(async () => await connections(server.pid) <= before ? true : undefined);
  const { status } = await client.invocation(id, body.invocationId);
  assert.equal(status, "FUNCTION_INVOCATION_STATUS_RUNNING", "who follows does not own it");
  await client.post(`/api/v1/functions/${id}/invocations/${body.invocationId}/cancel`);
}

/** Open sockets of a process. */
async function connections(pid: number): Promise<number> {
  const links = await Array.fromAsync(
    Deno.readDir(`/proc/${pid}/fd`),
    ({ name }) => Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => ""),
  );
  return links.filter((link) => link.startsWith("socket:")).length;
}

quietSuite("live logs", {
  "arrive before the end, and the end comes last": live,
  "arrive in order, the same for every follower": inOrder,
  "are replayed of an invocation that has ended": replays,
  "go on after Last-Event-ID": resumes,
  "of a waiting invocation come when it starts": waitsForTheStart,
  "a client that hangs up leaves nothing behind": hangsUp,
}, "single");
