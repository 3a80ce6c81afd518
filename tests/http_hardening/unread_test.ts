/** Answers that clients do not read have a limit together (`--max-unread`). */
import assert from "node:assert/strict";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { DomainError } from "../../src/domain/errors.ts";
import { UnreadAnswers } from "../../src/http/server.ts";
import { atOnce } from "../support/at_once.ts";
import { base64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { ok } from "../support/expect.ts";
import type { TestServer } from "../support/server.ts";
import { serverSuite } from "../support/suite.ts";

const encoder = new TextEncoder();
/** More than the kernel takes of an answer that nobody reads. */
const OUTPUT_CHARACTERS = 6_000_000;
const LARGE =
  `export default ({ character }) => ({ text: character.repeat(${OUTPUT_CHARACTERS}) });`;
/** Two answers of this function, in base64, and not three. */
const FLAGS = ["--max-unread", "20MiB"];

/** A caller that reads nothing until it is asked to. */
async function call(server: TestServer, token: string | undefined, functionId: string) {
  const { hostname, port } = new URL(server.url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const body = JSON.stringify({ json: base64(JSON.stringify({ character: "x" })) });
  await connection.write(encoder.encode(
    `POST /api/v1/functions/${functionId}/invoke HTTP/1.1\r\nHost: localhost\r\n` +
      `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  ));
  return {
    connection,
    /** Bytes until the end of the connection. */
    async read(): Promise<number> {
      let bytes = 0;
      const chunk = new Uint8Array(1024 * 1024);
      for (;;) {
        const count = await connection.read(chunk).catch(() => null);
        if (count === null) return bytes;
        bytes += count;
      }
    },
  };
}

serverSuite("answers that clients do not read", { flags: FLAGS }, {
  "a client that reads late gets its whole answer while no other waits": async (
    { server, client },
  ) => {
    const id = await client.deploy(LARGE);
    const whole = (await client.invoke(id, { character: "y" })).body.json.length;
    const late = await atOnce(2, () => call(server, client.token, id));
    // Longer than a client may read nothing while others wait.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    for (const { read, connection } of late) {
      assert.ok(await read() > whole);
      connection.close();
    }
  },
}, {
  "clients that do not read their answers keep none from others, and lose no outcome": async (
    { server, client },
  ) => {
    const id = await client.deploy(LARGE);
    const whole = (await client.invoke(id, { character: "y" })).body.json.length;
    const stuck = await atOnce(6, () => call(server, client.token, id));
    const path = `/api/v1/functions/${id}/invocations?view=INVOCATION_VIEW_BASIC`;
    const list = await eventually(async () => {
      const { body: { list } } = await client.get(path);
      return list.length === 7 &&
          list.every(({ status }: { status: string }) =>
            status === "FUNCTION_INVOCATION_STATUS_SUCCESS"
          )
        ? list
        : undefined;
    }, "the outcome of each invocation");
    // The earlier answers wait for clients that read nothing.
    const body = ok(await client.invoke(id, { character: "z" }));
    assert.equal(body.json.length, whole);
    const received = await Promise.all(stuck.map(({ read }) => read()));
    for (const { connection } of stuck) connection.close();
    assert.ok(received.some((bytes) => bytes < whole), `some are cut: ${received}`);
    for (const { id: invocationId } of list) {
      const { output } = await client.invocation(id, invocationId);
      assert.equal(output.text.length, OUTPUT_CHARACTERS);
    }
    await server.stop();
    assert.match(
      await server.log,
      /Closed \d connections? since the last such line: unread answers have reached the limit of 20 MiB \(--max-unread\)/,
    );
  },
});

Deno.test("answers that wait hold no more than the limit", async () => {
  const unread = new UnreadAnswers(100);
  const response = () => new ServerResponse(new IncomingMessage(new Socket()));
  const first = response();
  assert.equal(await unread.take(first, 1000, 1000), true, "alone it may be larger");
  const waits = response();
  const waiting = unread.take(waits, 50, 50);
  await assert.rejects(unread.take(response(), 51, 51), (error) => {
    assert.ok(error instanceof DomainError && error.reason === "ANSWERS_UNREAD");
    assert.match(
      error.message,
      /the limit of 100 B \(--max-unread\), and as many bytes are waiting$/,
    );
    assert.equal(error.retryAfterSeconds, 1);
    return true;
  });
  const stored = response();
  const reads = unread.take(stored, 1000, 0);
  for (const each of [first, waits, stored]) each.emit("close");
  assert.deepEqual(await Promise.all([waiting, reads]), [false, false], "their clients are gone");
  const last = response();
  assert.equal(await unread.take(last, 100, 100), true);
  last.emit("close");
});
