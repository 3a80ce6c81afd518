/** Bodies that are long or slow, clients that leave, and the limits of both. */
import assert from "node:assert/strict";
import { assertError } from "../support/expect.ts";
import { eventually } from "../support/eventually.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { logsOf } from "../process_reuse/support.ts";
import { answerOf, type Preview, preview, recordOf, send } from "./support.ts";

const MIB = 1024 * 1024;

const APP = `
const events = (signal: AbortSignal, ms: number) => {
  let n = 0;
  return new Response(new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, n === 0 ? 0 : ms));
      controller.enqueue(new TextEncoder().encode("data: " + n++ + "\\n\\n"));
    },
    cancel: () => console.log("cancelled"),
  }), { headers: { "content-type": "text/event-stream" } });
};
export default { async fetch(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  console.log("began");
  request.signal.addEventListener("abort", () => console.log("aborted", request.signal.reason.name));
  switch (pathname) {
    case "/count": {
      let bytes = 0, sum = 0;
      for await (const chunk of request.body!) {
        bytes += chunk.length;
        sum = (sum + chunk[0]! + chunk.at(-1)!) % 65_521;
      }
      return Response.json({ bytes, sum });
    }
    case "/echo":
      return new Response(request.body);
    case "/first": {
      const reader = request.body!.getReader({ mode: "byob" });
      const { value } = await reader.read(new Uint8Array(3));
      return new Response(value);
    }
    case "/early":
      return new Response("early", { status: 403 });
    case "/events":
      return events(request.signal, Number(searchParams.get("ms") ?? 10));
    case "/waits":
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      console.log("done");
      return new Response("nobody gets this");
    case "/stays":
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      return new Response();
    case "/quick":
      return new Response("quick");
  }
  return new Response(null, { status: 404 });
} };`;

async function uploads({ client }: Stage): Promise<void> {
  const app = await preview(client, APP);
  const body = new Uint8Array(3 * MIB + 17).map((_, n) => n % 251);
  const post = (rest: string, init: Parameters<typeof send>[3] = {}) =>
    send(client, app, rest, { method: "POST", body, ...init });
  const echoed = await post("/echo");
  assert.deepEqual(await echoed.bytes(), body);
  const record = await recordOf(client, app, echoed);
  assert.equal(record.http.requestBytes, `${body.length}`);
  assert.equal(record.http.responseBytes, `${body.length}`);

  const pieces = ReadableStream.from(async function* () {
    for (let n = 0; n < 20; n++) {
      yield new Uint8Array(1000).fill(n);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }());
  const counted = await post("/count", { body: pieces, duplex: "half" });
  assert.equal((await counted.json()).bytes, 20_000);
  assert.equal(await (await post("/first", { body: "abcdef" })).text(), "abc");
  const early = await post("/early");
  assert.deepEqual([early.status, await early.text()], [403, "early"]);
}

/** A client that answers nothing reads what it sends: both bodies go on at the same time. */
async function bothWays({ client, server }: Stage): Promise<void> {
  const app = await preview(client, APP);
  const hold = Promise.withResolvers<void>();
  const body = ReadableStream.from(async function* () {
    yield new TextEncoder().encode("one");
    await hold.promise;
    yield new TextEncoder().encode("two");
  }());
  const response = await send(client, app, "/echo", { method: "POST", body, duplex: "half" });
  const reader = readerOf(response);
  assert.equal((await reader.read()).value, "one");
  hold.resolve();
  assert.equal((await reader.read()).value, "two");
  assert.equal((await reader.read()).done, true);
  assert.ok(server.url.length > 0);
}

async function leaving({ client }: Stage): Promise<void> {
  const app = await preview(client, APP);
  const leave = async (rest: string, logs: readonly string[], error?: RegExp) => {
    const gone = new AbortController();
    const response = send(client, app, rest, { signal: gone.signal });
    if (rest.startsWith("/events")) {
      const reader = readerOf(await response);
      for (let n = 0; n < 3; n++) await reader.read();
    }
    const id = await newest(client, app, rest);
    gone.abort();
    await response.catch(() => {});
    const record = await client.ended(app.functionId, id);
    if (error === undefined) assert.equal(record.error, undefined, rest);
    else assert.match(record.error, error, rest);
    assert.deepEqual(await logsOf(client, app.functionId, id), ["began", ...logs], rest);
    return record;
  };
  assert.equal((await leave("/events", ["aborted AbortError", "cancelled"])).http.status, 200);
  assert.equal((await leave("/waits", ["aborted AbortError", "done"])).http.status, undefined);
  await leave(
    "/stays",
    ["aborted AbortError"],
    /^CANCELLED: the client left before it had the response$/,
  );
}

/** Reads the body of a response as text. */
function readerOf({ body }: Response): ReadableStreamDefaultReader<string> {
  assert.ok(body !== null);
  return body.pipeThrough(new TextDecoderStream()).getReader();
}

/** The id of the invocation that answers a path, once it runs. */
async function newest(client: Stage["client"], app: Preview, rest: string): Promise<string> {
  return await eventually(async () => {
    const { list } = (await client.get(`/api/v1/functions/${app.functionId}/invocations`)).body;
    const [first] = list;
    if (!first?.input.url.endsWith(rest)) return undefined;
    return (await logsOf(client, app.functionId, first.id)).length > 0 ? first.id : undefined;
  }, `a run of ${rest}`);
}

/** Streams leave the slots to others; further ones than the limit are rejected. */
async function slots({ client }: Stage): Promise<void> {
  const app = await preview(client, APP);
  const open = Array.from({ length: 3 }, () => new AbortController());
  for (const { signal } of open) {
    assert.equal((await send(client, app, "/events?ms=100", { signal })).status, 200);
  }
  assert.equal(await (await send(client, app, "/quick")).text(), "quick");
  const rejected = await answerOf(await send(client, app, "/events?ms=100"));
  assertError(rejected, "OVERLOADED", /3 invocations .*--max-streams/);
  assert.equal(rejected.headers.get("retry-after"), "1");
  for (const one of open) one.abort();
  await eventually(async () => {
    const response = await send(client, app, "/events?ms=1");
    await response.body?.cancel();
    return response.status === 200 ? true : undefined;
  }, "a stream after others have ended");
}

const FLAGS = ["--max-streams", "3", "--max-running", "2", "--disconnect-grace", "3s"];

serverSuite("bodies of requests and responses", { flags: FLAGS }, {
  "are streamed in": uploads,
  "are streamed both ways at a time": bothWays,
  "end with their client": leaving,
  "take no slots": slots,
});
