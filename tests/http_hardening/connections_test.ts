/** Connections leave the server the descriptors that it needs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { INVOKED, removeDirectory } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { exchange, statuses } from "./raw.ts";

const encoder = new TextEncoder();
/** A request whose body of 100 bytes is missing. */
const UNFINISHED = "POST /auth/v1/token HTTP/1.1\r\nHost: localhost\r\n" +
  "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n";

/** Becomes a command with this limit of open files. */
function limited(files: number): string[] {
  return ["sh", "-c", `ulimit -n ${files} && exec "$@"`, "sh"];
}

Deno.test("connections without a token do not take the descriptors of the server", async () => {
  // Connections stay open while the test opens others.
  const flags = ["--header-timeout", "60s"];
  await using server = await TestServer.start({ launcher: limited(640), flags });
  const client = await server.client();
  const { hostname, port } = new URL(server.url);
  const address = { hostname, port: Number(port) };
  const stranger = async () => {
    const connection = await Deno.connect(address);
    // It is in use: a request whose body does not arrive.
    await connection.write(encoder.encode(UNFINISHED)).catch(() => {});
    return connection;
  };
  const kept = await Promise.all(Array.from({ length: 20 }, stranger));
  const fn = await client.deploy(`export default () => ({ open: true });`);
  const strangers = await Promise.all(Array.from({ length: 640 }, stranger));
  const beyond = await exchange(server.url, ["GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"]);
  assert.deepEqual(beyond, { text: "", closed: true });
  for (const connection of kept) connection.close();

  // A keep-alive connection from before, or one that became free.
  const called = await eventually(
    () => client.invoke(fn).catch(() => undefined),
    "an invocation beside 640 connections",
  );
  assert.equal(called.status, 200, JSON.stringify(called.body));
  for (const connection of strangers) connection.close();
  await eventually(
    () => fetch(`${server.url}/healthz`).then((answer) => answer.text(), () => undefined),
    "an answer after the connections",
  );
  await server.stop();
  // 640 less 128, and less 8 for each of 32 slots and 4 instances.
  assert.match(
    await server.log,
    /240 are open and in use, the limit \(--max-connections, ulimit -n\)/,
  );
});

const MAX = 20;

for (const tls of [false, true]) {
  const name = tls ? "TLS" : "plain HTTP";
  Deno.test(`${name}: idle connections without a token give way to new ones`, async (t) => {
    const limit = ["--max-connections", `${MAX}`, "--header-timeout", "60s"];
    const flags = tls ? [...limit, "--tls-self-signed"] : limit;
    await using server = await TestServer.start({ flags });
    const caCerts = tls ? [await Deno.readTextFile(join(server.dataDir, "tls/ca.pem"))] : [];
    const { hostname, port } = new URL(server.url);
    const connect = () => {
      const address = { hostname, port: Number(port) };
      return tls ? Deno.connectTls({ ...address, caCerts }) : Deno.connect(address);
    };
    const opened: Deno.Conn[] = [];
    const open = async () => {
      const connection = await connect();
      opened.push(connection);
      return connection;
    };
    /** The status of the answer to a request; undefined if the connection is closed. */
    const ask = async (connection: Deno.Conn, request: string) => {
      await connection.write(encoder.encode(request)).catch(() => {});
      const chunk = new Uint8Array(65_536);
      const count = await connection.read(chunk).catch(() => null);
      return count === null ? undefined : statuses(new TextDecoder().decode(chunk))[0];
    };
    const get = (path: string, headers = "") =>
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
    /** Tries new connections until one is answered. */
    const enter = () =>
      eventually(async () => {
        const connection = await open().catch(() => undefined);
        if (connection === undefined) return;
        return await ask(connection, get("/healthz")) === 200 ? true : undefined;
      }, "an answer to a new client");

    const { clientId, clientSecret } = await server.credentials();
    const form = `${new URLSearchParams({
      grant_type: "client_credentials",
      client_id: clientId,
      client_secret: clientSecret,
    })}`;
    const token = await tokenFrom(await open(), form);
    const proved = await open();
    const authorized = get("/api/v1/functions", `Authorization: Bearer ${token}\r\n`);
    assert.equal(await ask(proved, authorized), 200);

    await t.step("silent ones and those that were answered", async () => {
      const answered = await Promise.all(Array.from({ length: MAX / 4 }, open));
      for (const connection of answered) assert.equal(await ask(connection, get("/healthz")), 200);
      for (let n = 0; n < MAX; n++) await open().catch(() => {});
      await enter();
    });
    await t.step("but none whose client has proved who it is", async () => {
      for (let n = 0; n < MAX; n++) await enter();
      assert.equal(await ask(proved, authorized), 200);
    });
    await t.step("and none with a request under way", async () => {
      const inUse = await eventually(async () => {
        const connection = await open().catch(() => undefined);
        if (connection === undefined || await ask(connection, get("/healthz")) !== 200) return;
        await connection.write(encoder.encode(UNFINISHED));
        return connection;
      }, "a connection");
      for (let n = 0; n < MAX; n++) await enter();
      const rest = "&".repeat(100);
      assert.equal(await ask(inUse, rest), 400, "the rest of its request is answered");
    });
    for (const connection of opened) connection.close();
  });
}

/** An access token, from a server on the other end of a connection. */
async function tokenFrom(connection: Deno.Conn, form: string): Promise<string> {
  const head = "POST /auth/v1/token HTTP/1.1\r\nHost: localhost\r\n" +
    `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n`;
  await connection.write(encoder.encode(head + form));
  let text = "";
  const chunk = new Uint8Array(65_536);
  while (!text.includes("}")) {
    const count = await connection.read(chunk);
    assert.ok(count !== null, text);
    text += new TextDecoder().decode(chunk.subarray(0, count));
  }
  return JSON.parse(text.slice(text.indexOf("{"))).access_token;
}

Deno.test("a limit of the system that is too low is named at the start", async (t) => {
  const limits: Readonly<Record<string, RegExp>> = {
    "-n 40": /limit of open files \(ulimit -n\) is 40, but must be at least 64/,
    "-n 400":
      /\(ulimit -n\) is 400, but 16 connections need at least 464 with --max-running 32 and --pool-size 8/,
    "-v 2000000": /limit of address space in KiB \(ulimit -v\) is 2000000, but must be .* cgroup/,
  };
  for (const [limit, message] of Object.entries(limits)) {
    await t.step(`ulimit ${limit}`, async () => {
      const dataDir = await Deno.makeTempDir();
      const { code, stderr } = await new Deno.Command("sh", {
        args: [
          ...["-c", `ulimit ${limit} && exec "$@"`, "sh", INVOKED],
          ...["serve", "--port", "0", "--data", dataDir],
        ],
      }).output();
      await removeDirectory(dataDir);
      assert.equal(code, 1);
      assert.match(new TextDecoder().decode(stderr), message);
    });
  }
});
