/** The proxy against bytes that a function could write to its socket. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { openSocketDir } from "../../src/isolation/mod.ts";
import { Handshake } from "../../src/runtime/fork/wire.ts";
import { type EgressOptions, EgressProxy } from "../../src/sandbox/egress/proxy.ts";
import { TreeSocket } from "../../src/sandbox/tree/tree_socket.ts";
import { Host } from "./support.ts";

const OPTIONS: EgressOptions = {
  maxBytes: 1024 * 1024,
  maxRequests: 100,
  maxConnections: 4,
  allowPrivate: ["127.0.0.0/8"],
  ca: undefined,
};

/** An egress socket with an open session. */
async function open(allowlist: readonly string[], options: Partial<EgressOptions> = {}) {
  await using opened = new AsyncDisposableStack();
  const stateDir = await Deno.makeTempDir();
  opened.defer(() => Deno.remove(stateDir, { recursive: true }));
  const socketDir = opened.use(await openSocketDir(stateDir));
  const proxy = opened.use(new EgressProxy({ ...OPTIONS, ...options }, socketDir));
  const socket = opened.use(proxy.openSocket());
  const lines: string[] = [];
  const run = socket.openRun(allowlist, (_level, message) => lines.push(message));
  const all = opened.move();
  return { socket, run, lines, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Writes to the socket and reads until it closes, or up to the text `until`. */
function say(path: string, text: string, until?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let said = "";
    socket.on("connect", () => socket.write(text, "latin1"));
    socket.on("data", (chunk: Uint8Array) => {
      said += new TextDecoder().decode(chunk);
      if (until !== undefined && said.includes(until)) socket.destroy();
    });
    socket.on("close", () => resolve(said));
    socket.on("error", reject);
  });
}

const CLOSE = "Connection: close\r\n\r\n";

Deno.test("a request for anything but an allowed host is rejected and not forwarded", async (context) => {
  await using host = new Host();
  const allowed = `127.0.0.1:${host.port}`;
  await using opened = await open([allowed]);
  const other = `127.0.0.2:${host.port}`;
  const attempts: Readonly<Record<string, readonly [string, number]>> = {
    "another host": [`GET http://${other}/ HTTP/1.1\r\nHost: ${allowed}\r\n${CLOSE}`, 403],
    "another port": [
      `GET http://127.0.0.1:${host.port + 1}/ HTTP/1.1\r\nHost: ${allowed}\r\n${CLOSE}`,
      403,
    ],
    "a user before the host": [
      `GET http://${allowed}@${other}/ HTTP/1.1\r\nHost: x\r\n${CLOSE}`,
      400,
    ],
    "a user behind the scheme": [`GET http://u:p@${allowed}/ HTTP/1.1\r\nHost: x\r\n${CLOSE}`, 400],
    "a fragment that holds the host": [
      `GET http://${other}#@${allowed}/ HTTP/1.1\r\nHost: x\r\n${CLOSE}`,
      400,
    ],
    "a backslash": [`GET http://${other}\\@${allowed}/ HTTP/1.1\r\nHost: x\r\n${CLOSE}`, 400],
    "origin form": [`GET / HTTP/1.1\r\nHost: ${allowed}\r\n${CLOSE}`, 400],
    "another scheme": [`GET ftp://${allowed}/ HTTP/1.1\r\nHost: x\r\n${CLOSE}`, 400],
    "a file": [`GET file:///etc/passwd HTTP/1.1\r\nHost: x\r\n${CLOSE}`, 400],
    "two lengths": [
      `POST http://${allowed}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n${CLOSE}abcd`,
      400,
    ],
    "length and chunks": [
      `POST http://${allowed}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n${CLOSE}0\r\n\r\nGET http://${other}/ HTTP/1.1\r\n\r\n`,
      400,
    ],
    "a space before the colon": [
      `POST http://${allowed}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n${CLOSE}0\r\n\r\n`,
      400,
    ],
    "a header that breaks its line": [
      `GET http://${allowed}/ HTTP/1.1\r\nHost: x\r\nX: a\rb: c\r\n${CLOSE}`,
      400,
    ],
    "a NUL": [`GET http://${allowed}/\0 HTTP/1.1\r\nHost: x\r\n${CLOSE}`, 400],
    "a head without an end": [`GET http://${allowed}/ HTTP/1.1\r\nX: ${"a".repeat(100_000)}`, 400],
    "an address to connect to": [`CONNECT ${other} HTTP/1.1\r\nHost: ${allowed}\r\n\r\n`, 403],
    "connect without a port": [`CONNECT 127.0.0.1 HTTP/1.1\r\nHost: ${allowed}\r\n\r\n`, 400],
    "connect to port 0": [`CONNECT 127.0.0.1:0 HTTP/1.1\r\nHost: ${allowed}\r\n\r\n`, 400],
    "connect with a user": [
      `CONNECT ${allowed}@${other} HTTP/1.1\r\nHost: ${allowed}\r\n\r\n`,
      400,
    ],
    "connect to a path": [
      `CONNECT /var/run/docker.sock:80 HTTP/1.1\r\nHost: ${allowed}\r\n\r\n`,
      400,
    ],
    "an upgrade to another protocol": [
      `GET http://${allowed}/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
      400,
    ],
    "HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    "TLS": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  };
  for (const [name, [text, status]] of Object.entries(attempts)) {
    await context.step(name, async () => {
      const before = opened.lines.length;
      const said = await say(opened.socket.socketPath, text);
      assert.match(said, new RegExp(`^HTTP/1.1 ${status} `));
      assert.equal(said.split("HTTP/1.1 ").length, 2, "answered more than once");
      assert.equal(opened.lines.length, before + 1, "not logged");
      assert.match(opened.lines.at(-1) ?? "", /refused: /);
    });
  }
  assert.deepEqual(host.seen, []);
});

Deno.test("all notations of a loopback address are the same address", async (context) => {
  await using host = new Host();
  await using opened = await open([`*.example.com:${host.port}`, `2130706434:${host.port}`], {
    allowPrivate: [],
  });
  for (
    const form of [
      "127.1",
      "2130706433",
      "0x7f000001",
      "0177.0.0.1",
      "127.0.0.1.",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "[::ffff:7f00:1]",
      "[64:ff9b::7f00:1]",
      "[fd00:ec2::254]",
      "0",
      "localhost",
      "LOCALHOST.",
    ]
  ) {
    await context.step(form, async () => {
      opened.socket.openRun(
        [`*.example.com:${host.port}`],
        (_level, line) => opened.lines.push(line),
      );
      const target = `http://${form}:${host.port}/`;
      assert.match(
        await say(opened.socket.socketPath, `GET ${target} HTTP/1.1\r\nHost: x\r\n${CLOSE}`),
        /^HTTP\/1.1 403 /,
      );
      // The allowlist names it, but the address policy denies it.
      const run = opened.socket.openRun([
        `${form}:${host.port}`,
        `127.0.0.1:${host.port}`,
        `localhost:${host.port}`,
        `0.0.0.0:${host.port}`,
      ], (_level, line) => opened.lines.push(line));
      assert.match(
        await say(
          opened.socket.socketPath,
          `CONNECT ${form}:${host.port} HTTP/1.1\r\nHost: x\r\n\r\n`,
        ),
        /^HTTP\/1.1 403 /,
      );
      assert.match(opened.lines.at(-1) ?? "", /is not public but/);
      run.close();
    });
  }
  assert.deepEqual(host.seen, []);
});

Deno.test("the host gets the checked name and no headers for the proxy", async () => {
  await using host = new Host();
  const where = `127.0.0.1:${host.port}`;
  await using opened = await open([where]);
  const said = await say(
    opened.socket.socketPath,
    `GET http://${where}/ HTTP/1.1\r\nHost: evil.example\r\nProxy-Authorization: Basic eA==\r\n` +
      `Keep-Alive: 1\r\nX-Hop: 1\r\nAuthorization: Bearer t\r\nConnection: close, X-Hop\r\n\r\n`,
  );
  const { headers } = JSON.parse(said.slice(said.indexOf("{"), said.lastIndexOf("}") + 1));
  assert.deepEqual(headers, { host: where, authorization: "Bearer t", connection: "close" });
});

Deno.test("an instance has no network before and after its invocation", async () => {
  await using host = new Host();
  const where = `127.0.0.1:${host.port}`;
  await using opened = await open([where]);
  const request = `GET http://${where}/ HTTP/1.1\r\nHost: x\r\n${CLOSE}`;
  assert.match(await say(opened.socket.socketPath, request), /^HTTP\/1.1 200 /);
  opened.run.close();
  assert.match(await say(opened.socket.socketPath, request), /^HTTP\/1.1 403 /);
  assert.equal(host.seen.length, 1);
  assert.equal(opened.lines.length, 1);
});

Deno.test("requests, bytes and connections have limits that their errors name", async () => {
  await using host = new Host();
  const where = `127.0.0.1:${host.port}`;
  const get = (path: string) => `GET http://${where}${path} HTTP/1.1\r\nHost: x\r\n${CLOSE}`;
  {
    await using opened = await open([where], { maxRequests: 2 });
    for (const status of [200, 200, 429, 429]) {
      assert.match(
        await say(opened.socket.socketPath, get("/")),
        new RegExp(`^HTTP/1.1 ${status} `),
      );
    }
    assert.equal(opened.lines.length, 3);
    const limit = /limit of 2 requests \(--max-egress-requests\) reached/;
    assert.match(opened.lines[2] ?? "", limit);
    assert.match(await say(opened.socket.socketPath, get("/")), limit);
  }
  {
    await using opened = await open([where], { maxBytes: 100_000 });
    const said = await say(opened.socket.socketPath, get("/big?bytes=400000"));
    assert.ok(said.length < 300_000);
    assert.match(opened.lines[0] ?? "", /limit of .* reached \(--max-egress\)/);
    assert.match(await say(opened.socket.socketPath, get("/")), /^HTTP\/1.1 429 /);
  }
  {
    await using opened = await open([where], { maxBytes: 1024 });
    const post = `POST http://${where}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n${CLOSE}`;
    assert.match(
      await say(opened.socket.socketPath, post + "x".repeat(4096)),
      /^HTTP\/1.1 429 [^]*limit of 1 KiB reached \(--max-egress\)/,
    );
  }
  {
    await using opened = await open([where], { maxConnections: 2 });
    const held = [1, 2].map(() => connect(opened.socket.socketPath));
    await Promise.all(
      held.map((socket) => new Promise((resolve) => socket.on("connect", resolve))),
    );
    const limit = /limit of 2 connections \(--max-egress-connections\) reached/;
    const said = await say(opened.socket.socketPath, get("/"));
    assert.match(said, /^HTTP\/1.1 429 [^]*invoked-egress-error: EGRESS_LIMIT /);
    assert.match(said, limit);
    assert.match(opened.lines[0] ?? "", limit);
    for (const socket of held) socket.destroy();
  }
});

Deno.test("a server removes the sockets of killed servers only", async () => {
  const [stateDir, alive] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const leave = async (owner: string) => {
    // Where earlier versions made it.
    const path = await Deno.makeTempDir({ dir: "/tmp", prefix: "invoked-egress-" });
    await Deno.writeTextFile(`${path}/owner`, owner);
    return path;
  };
  const [own, gone, others] = [
    await leave(stateDir),
    await leave(`${stateDir}/gone`),
    await leave(alive),
  ];
  const socketDir = await openSocketDir(stateDir);
  const proxy = new EgressProxy(OPTIONS, socketDir);
  await assert.rejects(Deno.stat(own), Deno.errors.NotFound);
  await assert.rejects(Deno.stat(gone), Deno.errors.NotFound);
  assert.equal((await Deno.stat(others)).isDirectory, true);
  const { socketPath } = proxy.openSocket();
  assert.equal((await Deno.stat(socketPath)).isSocket, true);
  proxy[Symbol.dispose]();
  await socketDir[Symbol.asyncDispose]();
  await assert.rejects(Deno.stat(socketPath), Deno.errors.NotFound);
  for (const path of [stateDir, alive, others]) await Deno.remove(path, { recursive: true });
});

Deno.test("connections that an instance has left do not reach the next one", async () => {
  await using opened = new AsyncDisposableStack();
  const stateDir = await Deno.makeTempDir();
  opened.defer(() => Deno.remove(stateDir, { recursive: true }));
  const socketDir = opened.use(await openSocketDir(stateDir));
  const tree = opened.use(new TreeSocket(socketDir));
  const socket = opened.use(opened.use(new EgressProxy(OPTIONS, socketDir)).openSocket());
  const path = socket.socketPath;
  const request = `GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\n${CLOSE}`;
  // A connection that is closed with bytes that nobody read is reset.
  const unanswered = (text: string) => say(path, text).catch(() => "");
  const left = unanswered(request);
  // It waits to be accepted, or was.
  socket.renew(tree);
  const { promise: connected, resolve } = Promise.withResolvers<void>();
  let awaited = 2;
  const expected = tree.expect((_kind, connection) => {
    opened.use(connection);
    if (--awaited === 0) resolve();
  });
  const forgery = Uint8Array.of(Handshake.STDERR, ...new Uint8Array(expected.token.length));
  const others = [request, new TextDecoder("latin1").decode(forgery)].map(unanswered);
  const instance = opened.use(await Deno.connect({ transport: "unix", path }));
  await instance.write(Uint8Array.of(Handshake.STDERR, ...expected.token));
  const channel = opened.use(await Deno.connect({ transport: "unix", path: tree.path }));
  await channel.write(Uint8Array.of(Handshake.CHANNEL, ...expected.token));
  await connected;
  assert.deepEqual(await Promise.all([left, ...others]), ["", "", ""]);
  assert.equal(socket.wasUsedOutsideRun, false);
  const lines: string[] = [];
  const last = socket.openRun([], (_level, message) => lines.push(message));
  assert.match(await say(path, request), /^HTTP\/1\.1 403 /);
  assert.equal(lines.length, 1);
  socket.renew({
    hasHandshake(connection) {
      connection.close();
      return Promise.resolve(true);
    },
  });
  opened.use(await Deno.connect({ transport: "unix", path }));
  const next = socket.openRun([], () => {});
  assert.match(await say(path, request), /^HTTP\/1\.1 403 /);
  // The last run outlives its instance: it knows what it was used for, and the network is that of the next one.
  assert.equal(last.close()?.egress.length, 1);
  assert.match(await say(path, request), /^HTTP\/1\.1 403 .*not in /s);
  assert.equal(next.close()?.egress[0]?.count, 2);
  assert.equal(socket.wasUsedOutsideRun, false);
});

Deno.test("a client that hangs up before the answer is no second request", async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const where = `127.0.0.1:${port}`;
  try {
    await using opened = await open([where]);
    const client = connect(opened.socket.socketPath);
    client.write(`GET http://${where}/ HTTP/1.1\r\nHost: ${where}\r\n\r\n`);
    await once(silent, "connection");
    client.destroy();
    while (opened.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(opened.lines, [
      `${where} allowed: GET, no answer, 0 bytes sent, 0 bytes received`,
    ]);
  } finally {
    sockets.forEach((socket) => socket.destroy());
    silent.close();
  }
});
