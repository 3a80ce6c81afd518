/** What the connection to NATS accepts, and what it reports of what it cannot use. */
import assert from "node:assert/strict";
import { createUser } from "@nats-io/nkeys";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Channel } from "../../src/cluster/link/channel.ts";
import { Nats, type NatsOptions } from "../../src/cluster/nats/connection.ts";
import { connectError, NatsUnreachable, NatsUnusable } from "../../src/cluster/nats/errors.ts";
import { subjects } from "../../src/cluster/nats/subjects.ts";
import { eventually } from "../support/eventually.ts";
import { openNode } from "../support/blob_stores.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestNats } from "../support/nats.ts";
import { Relay } from "../support/relay.ts";

const HOUR_MS = 3_600_000;

async function unusable(
  options: Partial<NatsOptions> & Pick<NatsOptions, "urls">,
  expected: RegExp,
): Promise<void> {
  await assert.rejects(
    async () => {
      const none = { credentialsFile: undefined, caFile: undefined };
      await using _ = await Nats.connect({ ...none, ...options }, "test");
    },
    (error: Error) => {
      assert.ok(error instanceof NatsUnusable, `${error}`);
      assert.match(error.message, expected);
      return true;
    },
  );
}

/** A configuration with one user, and the file with its seed. */
async function withUser(directory: string): Promise<{ config: string; file: string; id: string }> {
  const user = createUser();
  const file = join(directory, "user.nk");
  await Deno.writeFile(file, user.getSeed());
  const id = user.getPublicKey();
  return { config: `authorization { users: [ { nkey: ${id} } ] }`, file, id };
}

Deno.test("a NATS that cannot be reached is named with the reason", async () => {
  await unusable(
    { urls: ["nats://127.0.0.1:1"] },
    /at nats:\/\/127\.0\.0\.1:1 is not usable: .* refused/,
  );
});

Deno.test("a worker waits for a network that comes later, whatever the host of NATS is named", () => {
  const servers = "nats://nats-tls.internal:4222";
  const failures = [
    ["ENOTFOUND", "getaddrinfo ENOTFOUND nats-tls.internal"],
    ["EAI_AGAIN", "getaddrinfo EAI_AGAIN nats-tls.internal"],
    ["ENETUNREACH", "connect ENETUNREACH 192.0.2.1:4222"],
    ["EHOSTUNREACH", "connect EHOSTUNREACH 192.0.2.1:4222"],
    ["ECONNRESET", "read ECONNRESET"],
  ] as const;
  for (const [code, message] of failures) {
    const cause = Object.assign(new Error(message), { code });
    for (const error of [cause, new Error("connection failed", { cause })]) {
      const reported = connectError(error, servers);
      assert.ok(reported instanceof NatsUnreachable, `${reported}`);
      assert.match(reported.message, /it cannot be reached: /);
    }
  }
  const certificate = Object.assign(new Error("self-signed certificate"), {
    code: "DEPTH_ZERO_SELF_SIGNED_CERT",
  });
  const rejected = connectError(certificate, servers);
  assert.ok(!(rejected instanceof NatsUnreachable));
  assert.match(rejected.message, /TLS failed: /);
});

Deno.test("a NATS that resets connections ends none of its clients", async () => {
  const info =
    `INFO {"server_id":"x","version":"2.10.0","headers":true,"jetstream":true,"max_payload":1000,"auth_required":true,"nonce":"x"}\r\n`;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(info);
    socket.once("data", () => {
      socket.write("-ERR 'Authorization Violation'\r\n", () => socket.resetAndDestroy());
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  using _ = { [Symbol.dispose]: () => void server.close() };
  const { port } = server.address() as AddressInfo;
  for (let attempt = 0; attempt < 30; attempt++) {
    await unusable({ urls: [`nats://127.0.0.1:${port}`] }, /rejects the credentials/);
  }
});

Deno.test("a NATS without JetStream stores no content", async () => {
  await using nats = await TestNats.start({ config: "jetstream: disabled" });
  await assert.rejects(openNode(nats), (error) => {
    assert.ok(error instanceof NatsUnusable);
    assert.match(error.message, /JetStream of NATS at \S+ is off; add .* or store content in S3/);
    return true;
  });
});

Deno.test("one server of NATS alone stores one replica", async () => {
  await using nats = await TestNats.start();
  await assert.rejects(openNode(nats, { replicas: 3 }), (error) => {
    assert.ok(error instanceof NatsUnusable);
    assert.match(error.message, /too few servers for --object-replicas 3: .*; start further/);
    return true;
  });
});

Deno.test("credentials are checked when NATS is reached, and their files before", async () => {
  await using directory = await makeTempDir();
  const { config, file, id } = await withUser(directory.path);
  await using nats = await TestNats.start({ config });
  const { options } = nats.address;
  await unusable(options, /rejects the credentials; check --nats-credentials/);
  await using elsewhere = await makeTempDir();
  const other = await withUser(elsewhere.path);
  await unusable({ ...options, credentialsFile: other.file }, /rejects the credentials/);
  const missing = join(directory.path, "missing.nk");
  await unusable(
    { ...options, credentialsFile: missing },
    /Invalid --nats-credentials .*missing\.nk: there is no such file/,
  );
  const wrong = join(directory.path, "wrong.nk");
  await Deno.writeTextFile(wrong, "nothing");
  await unusable({ ...options, credentialsFile: wrong }, /neither an NKey seed of a user/);
  await using connected = await Nats.connect({ ...options, credentialsFile: file }, "test");
  assert.equal(connected.id, id);
});

Deno.test("a NATS that asks nobody for credentials is used on loopback alone", async () => {
  await using directory = await makeTempDir();
  await using nats = await TestNats.start({ tls: false });
  const { options, url: own } = nats.address;
  // Another name of loopback, which the client does not take for it.
  const url = own.replace("127.0.0.1", "0.0.0.0");
  await unusable({ urls: [url] }, /accepts clients without authentication/);
  const { file } = await withUser(directory.path);
  await unusable({ ...options, credentialsFile: file }, /does not ask for --nats-credentials/);
  await using connected = await Nats.connect(options, "test");
  assert.equal(connected.error, undefined);
});

Deno.test("a URL with tls needs TLS", async () => {
  await using nats = await TestNats.start({ tls: false });
  await unusable({ urls: [nats.address.url.replace("nats:", "tls:")] }, /TLS|tls/);
});

/** Collects garbage now. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

Deno.test("a request keeps no reply, and ends once NATS is lost", async () => {
  await using server = await TestNats.start();
  const { options } = server.address;
  await using a = await Nats.connect(options, "a");
  await using b = await Nats.connect(options, "b");
  using _replies = b.subscribe("replies", (message) => message.respond(message.bytes));
  using _silence = b.subscribe("silence", () => {});
  await b.flushed();
  const replies: WeakRef<Uint8Array>[] = [];
  for (let n = 0; n < 10; n++) {
    replies.push(new WeakRef(await a.request("replies", new Uint8Array(4_096), 600_000)));
  }
  // The last reply may be in use: each of the earlier ones is gone.
  await eventually(() => {
    collectGarbage();
    return replies.slice(0, -1).every((reply) => reply.deref() === undefined) || undefined;
  }, "replies that are freed");
  const unanswered = assert.rejects(
    a.request("silence", new Uint8Array(), 600_000),
    /NATS at \S+ is unreachable/,
  );
  await server.stop("SIGKILL");
  await unanswered;
  await assert.rejects(a.request("silence", new Uint8Array(), 600_000), /is unreachable/);
});

Deno.test("a client whose clock is set back connects again", async () => {
  await using server = await TestNats.start();
  const real = Date.now;
  try {
    Date.now = () => real() + HOUR_MS;
    await using nats = await Nats.connect(server.address.options, "test");
    await server.stop("SIGKILL");
    await eventually(() => nats.error, "the end of the connection");
    Date.now = real;
    await server.restart();
    await eventually(() => nats.error === undefined || undefined, "a new connection");
  } finally {
    Date.now = real;
  }
});

Deno.test("a client that is closed between two attempts makes no further connection", async () => {
  await using server = await TestNats.start();
  await using relay = await Relay.to(server.address.port);
  const { options } = server.address.through(relay);
  const closed = await Nats.connect(options, "closed");
  relay.rejectConnections();
  relay.cut();
  await eventually(() => closed.error, "the end of the connection");
  relay.acceptConnections();
  await closed[Symbol.asyncDispose]();
  // A connection that the first client made while it closed would have come before this one.
  await using _later = await Nats.connect(options, "later");
  await eventually(() => relay.open === 1 || undefined, "the end of the first client");
});

Deno.test("a channel goes on after NATS was killed and started again", async () => {
  await using server = await TestNats.start();
  const { options } = server.address;
  await using a = await Nats.connect(options, "a");
  await using b = await Nats.connect(options, "b");
  const arrived: number[] = [];
  const open = (nats: Nats, send: string, receive: string) => {
    const channel = new Channel({
      send: (frame) => nats.publish(send, frame),
      onMessage: (_, bytes) => void arrived.push(bytes[0] ?? -1),
      onEnd: () => {},
      messageBytesMax: 1024 * 1024,
      frameBytesMax: nats.payloadBytesMax,
    });
    nats.subscribe(receive, ({ bytes }) => channel.receive(bytes));
    return channel;
  };
  const there = subjects.toWorker("w", "r");
  const back = subjects.toNode("w", "n", "r");
  await using from = open(a, there, back);
  await using to = open(b, back, there);
  const expected: number[] = [];
  let restarted = Promise.resolve();
  for (let n = 0; n < 60; n++) {
    if (n === 20) {
      await server.stop("SIGKILL");
      restarted = server.restart();
    }
    expected.push(n);
    await from.write(1, new Uint8Array(40_000).fill(n));
  }
  await Promise.all([from.drained(), restarted]);
  assert.deepEqual(arrived, expected);
  assert.equal(to.isOpen, true);
  assert.equal(a.error, undefined);
});

Deno.test("a message that may wait leaves before the next one, soon, or with the end", async () => {
  await using server = await TestNats.start();
  const connect = () => Nats.connect(server.address.options, "test");
  await using receiver = await connect();
  const arrived: (number | undefined)[] = [];
  using _ = receiver.subscribe("number", ({ bytes }) => void arrived.push(bytes[0]));
  await receiver.flushed();
  const arrives = (count: number) =>
    eventually(() => arrived.length === count || undefined, `${count} messages`);
  const sender = await connect();
  sender.publishSoon("number", Uint8Array.of(1));
  sender.publish("number", Uint8Array.of(2));
  await arrives(2);
  sender.publishSoon("number", Uint8Array.of(3));
  await arrives(3);
  sender.publishSoon("number", Uint8Array.of(4));
  await sender[Symbol.asyncDispose]();
  await arrives(4);
  assert.deepEqual(arrived, [1, 2, 3, 4]);
});
