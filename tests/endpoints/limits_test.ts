/** The limits of requests to functions, each with its answer and its record. */
import assert from "node:assert/strict";
import { atOnce } from "../support/at_once.ts";
import { eventually } from "../support/eventually.ts";
import { assertError } from "../support/expect.ts";
import { serverSuite, type Stage } from "../support/suite.ts";
import { createTrigger, unique } from "../triggers/support.ts";
import { answerOf, preview, raw, recordOf, send } from "./support.ts";

const APP = `
const pending = () => { for (let n = 0; n < 40; n++) {
  // deno-lint-ignore no-explicit-any
  (import.meta as any).invoked.call('{"method":"http.aborted"}');
} };
export default { async fetch(request: Request): Promise<Response> {
  switch (new URL(request.url).pathname) {
    case "/count":
      return Response.json({ bytes: (await request.bytes()).length });
    case "/never":
      return await new Promise<Response>(() => {});
    case "/pending":
      pending();
      return new Response("waits for all host calls before it");
    case "/endless":
      return new Response(new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          controller.enqueue(new Uint8Array(1));
        },
      }));
  }
  return new Response("fine");
} };`;

async function times({ client, server }: Stage): Promise<void> {
  const app = await preview(client, APP);
  const late = async (rest: string) => {
    const response = await send(client, app, rest);
    assert.equal(response.status, 504, rest);
    const { error, http } = await recordOf(client, app, response);
    const message = "The function sent no response within the limit of 3 s (--endpoint-timeout)";
    assert.deepEqual([error, http.status], [`TIMEOUT: ${message}`, 504], rest);
    assert.deepEqual((await response.json()).message, message);
  };
  const endless = () =>
    eventually(async () => {
      const response = await send(client, app, "/endless");
      // Where the start of an instance took too long.
      if (response.status === 504) return undefined;
      await assert.rejects(response.bytes());
      const { error } = await recordOf(client, app, response);
      assert.equal(error, "TIMEOUT: its body took longer than the limit of 2 s (--stream-timeout)");
      return true;
    });
  const idle = () =>
    eventually(async () => {
      const head = `POST ${app.path}/count HTTP/1.1\r\nHost: x\r\n` +
        `Authorization: Bearer ${client.token}\r\nContent-Length: 10\r\n\r\nabc`;
      const text = await raw(server.url, head);
      if (text.startsWith("HTTP/1.1 504")) return undefined;
      assert.match(text, /^HTTP\/1\.1 408 /);
      assert.match(text, /nothing of the body for 1 s, the limit \(--endpoint-idle-timeout\)/);
      return true;
    });
  await Promise.all([late("/never"), late("/pending"), endless(), idle()]);
}

const TIMES = [
  ...["--endpoint-timeout", "3s", "--stream-timeout", "2s", "--endpoint-idle-timeout", "1s"],
  ...["--endpoint-rate", "0", "--request-timeout", "1s", "--header-timeout", "1s"],
];

serverSuite("the times of a request to a function", { flags: TIMES }, {
  "are limited": times,
});

async function sizes({ client, server }: Stage): Promise<void> {
  const app = await preview(client, APP);
  const head = `POST ${app.path}/count HTTP/1.1\r\nHost: x\r\n` +
    `Authorization: Bearer ${client.token}\r\n`;
  const message = /exceeds the limit of 1 MiB \(--endpoint-body-limit\)/;
  const declared = await raw(server.url, `${head}Content-Length: 9000000000\r\n\r\n`);
  assert.match(declared, /^HTTP\/1\.1 413 [^]*BODY_TOO_LARGE/);
  assert.match(declared, message);
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  const sent = await raw(
    server.url,
    `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}`,
  );
  assert.match(sent, /^HTTP\/1\.1 413 /);
  const id = /^invocation-id: (\S+)/im.exec(sent)?.[1] ?? "";
  const { error, http } = await client.ended(app.functionId, id);
  assert.match(error, /^CANCELLED: The body of the request/);
  assert.match(error, message);
  assert.equal(http.status, 413);
  const body = new Uint8Array(1024 * 1024);
  const most = await send(client, app, "/count", { method: "POST", body });
  assert.equal((await most.json()).bytes, body.length);
}

async function rates({ client }: Stage): Promise<void> {
  const app = await preview(client, APP);
  const limited = await eventually(async () => {
    const responses = await atOnce(8, () => send(client, app));
    const answers = await Promise.all(
      responses.map(async (response) =>
        response.status === 429 ? await answerOf(response) : void await response.body?.cancel()
      ),
    );
    return answers.find((answer) => answer !== undefined);
  });
  assertError(
    limited,
    "RATE_LIMITED",
    /this address may send 5 requests per second to endpoints \(--endpoint-rate\)/,
  );
  assert.ok(Number(limited.headers.get("retry-after")) >= 1);
  assert.equal(limited.headers.get("invocation-id"), null);

  const Origin = "https://app.example";
  const slug = unique("e");
  const cors = { allowOrigins: [Origin] };
  await createTrigger(client, await client.deploy(APP), { http: { slug, cors } });
  const shared = await eventually(async () => {
    const send = () => fetch(`${client.url}/run/${slug}/`, { headers: { Origin } });
    const responses = await Promise.all(Array.from({ length: 8 }, send));
    await Promise.all(responses.map(({ body }) => body?.cancel()));
    return responses.find(({ status }) => status === 429);
  });
  assert.equal(shared.headers.get("access-control-allow-origin"), Origin, "its page sees why");

  const strangers = async (address: string) =>
    await atOnce(40, async (at) => {
      const headers = { "X-Forwarded-For": `${address}${at}` };
      const { status, body } = await fetch(`${client.url}/run/${slug}/`, { headers });
      await body?.cancel();
      return status;
    });
  assert.deepEqual(await strangers("192.0.2."), Array(40).fill(401), "they keep nobody out");
  // One host has all addresses of a network of IPv6.
  await eventually(async () => (await strangers("2001:db8::")).includes(429) || undefined);
}

const SIZES = ["--endpoint-body-limit", "1MiB", "--endpoint-rate", "5"]
  .concat("--trusted-proxies", "127.0.0.1/32");

serverSuite("requests to a function", { flags: SIZES }, {
  "have a largest body": sizes,
  "have a rate": rates,
});
