/** A NATS that says nothing without an end of its connections, with TLS and without. */
import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { Nats } from "../../src/cluster/nats/connection.ts";
import { eventually } from "../support/eventually.ts";
import { type NatsAddress, TestNats } from "../support/nats.ts";
import { Relay } from "../support/relay.ts";

/** A connection that notes what arrives for it, and when it is connected again. */
class Listener implements AsyncDisposable {
  #messages = 0;
  #reconnections = 0;

  private constructor(readonly nats: Nats) {
    nats.subscribe("subject", () => void this.#messages++);
    nats.onReconnected(() => Promise.resolve(this.#reconnections++));
  }

  static async connect({ options }: NatsAddress): Promise<Listener> {
    const listener = new Listener(await Nats.connect(options, "test"));
    await listener.hears();
    return listener;
  }

  /** Resolves once it has given up its connection, and has another one that carries messages. */
  async heals(): Promise<void> {
    await eventually(() => this.#reconnections > 0 || undefined, "a new connection");
    assert.equal(this.nats.error, undefined);
    await this.hears();
  }

  async hears(): Promise<void> {
    const before = this.#messages;
    await eventually(() => {
      this.nats.publish("subject", new Uint8Array(1));
      return this.#messages > before || undefined;
    }, "a message");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nats[Symbol.asyncDispose]();
  }
}

/** NATS stops until its clients give up, and goes on. */
async function pauses(server: TestNats): Promise<void> {
  await using relay = await Relay.to(server.address.port);
  await using listener = await Listener.connect(server.address);
  const ending = await Listener.connect(server.address.through(relay));
  server.signal("SIGSTOP");
  await eventually(() => listener.nats.error, "an error");
  await eventually(() => relay.accepted > 1 || undefined, "a second connection");
  // It dials a server that never answers.
  await ending[Symbol.asyncDispose]();
  await eventually(() => relay.open === 0 || undefined, "the end of all connections");
  server.signal("SIGCONT");
  await listener.heals();
}

/** The connection loses all data, and another one would not. */
async function losesData(server: TestNats): Promise<void> {
  await using relay = await Relay.to(server.address.port);
  await using listener = await Listener.connect(server.address.through(relay));
  relay.silence();
  await listener.heals();
}

Deno.test("connections heal after NATS has paused, and after they went silent", async () => {
  // At the same time: each waits for pings that get no answer.
  await Promise.all([true, false].flatMap((tls) =>
    [pauses, losesData].map(async (work) => {
      await using server = await TestNats.start({ tls });
      await work(server);
    })
  ));
});

Deno.test("a connection that is not made in time is rejected and ends", async () => {
  const info = (more: object) =>
    `INFO ${JSON.stringify({ server_id: "x", version: "2.10.0", max_payload: 1000, ...more })}\r\n`;
  const greetings = {
    "no INFO": "",
    "no handshake": info({ tls_required: true }),
    "no PONG": info({}),
  };
  await Promise.all(
    Object.entries(greetings).map(async ([missing, greeting]) => {
      let hasEnded = false;
      const server = createServer((socket) => {
        socket.on("error", () => {}).on("close", () => hasEnded = true).resume();
        socket.write(greeting);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      using _ = { [Symbol.dispose]: () => void server.close() };
      const { port } = server.address() as AddressInfo;
      const options = { urls: [`nats://127.0.0.1:${port}`], credentialsFile: undefined };
      await assert.rejects(
        Nats.connect({ ...options, caFile: undefined }, "test"),
        /NATS at .* is not usable: it did not answer in time/,
        missing,
      );
      await eventually(() => hasEnded || undefined, "the end of the connection");
    }),
  );
});
