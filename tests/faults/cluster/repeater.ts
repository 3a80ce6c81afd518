/** Repeats messages of the cluster, late and out of order, as no NATS should; has NATS deliver invocations again. */
import { jetstream } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { RUNS_CONSUMER, RUNS_STREAM } from "../../../src/cluster/nats/subjects.ts";
import { connectNats } from "../../../src/cluster/nats/transport.ts";
import type { NatsAddress } from "../../support/nats.ts";
import { pause } from "../load.ts";

/** Frames of sessions both ways, offers, and offers of asynchronous invocations. */
const REPEATED = [
  "invoked.v1.from.>",
  "invoked.v1.worker.>",
  "invoked.v1.offer",
  "invoked.v1.runs",
];
/** Most repetitions come soon; the others after the end of what they belong to. */
const SOON_MS_MAX = 300;
const LATE_MS_MAX = 12_000;
const FETCH_MS = 1_000;
const FETCHED_MAX = 3;
/** How late an invocation is delivered again, at most. */
const AGAIN_MS_MAX = 2_000;
/** NATS starts again and again. */
const RECONNECT = { maxReconnectAttempts: -1, reconnectTimeWait: 200 } as const;

/** A client of NATS that may do everything. Disposing it ends its connection. */
export class Repeater implements AsyncDisposable {
  readonly #connection: NatsConnection;
  readonly #next: (below: number) => number;
  #count = 0;

  private constructor(connection: NatsConnection, next: (below: number) => number) {
    this.#connection = connection;
    this.#next = next;
  }

  static async connect(
    { client }: NatsAddress,
    next: (below: number) => number,
  ): Promise<Repeater> {
    return new Repeater(await connectNats({ ...client, noEcho: true, ...RECONNECT }), next);
  }

  /** Messages that were repeated, or delivered again. */
  get count(): number {
    return this.#count;
  }

  /** Repeats all messages for this time; the last repetitions come later. */
  async repeat(ms: number): Promise<void> {
    const subscriptions = REPEATED.map((subject) =>
      this.#connection.subscribe(subject, { callback: (_, message) => void this.#again(message) })
    );
    await pause(ms);
    for (const subscription of subscriptions) subscription.unsubscribe();
  }

  /** Takes invocations from the queue for this time, and gives them back: NATS delivers them again. */
  async giveBack(ms: number): Promise<void> {
    const until = performance.now() + ms;
    const consumer = await jetstream(this.#connection).consumers.get(RUNS_STREAM, RUNS_CONSUMER);
    while (performance.now() < until) {
      const messages = await consumer.fetch({ max_messages: FETCHED_MAX, expires: FETCH_MS });
      for await (const message of messages) {
        this.#count++;
        message.nak(this.#next(AGAIN_MS_MAX));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  async #again({ subject, data, reply }: Msg): Promise<void> {
    const copy = data.slice();
    const times = this.#next(3);
    for (let time = 0; time < times; time++) {
      await pause(this.#next(8) === 0 ? this.#next(LATE_MS_MAX) : this.#next(SOON_MS_MAX));
      if (this.#connection.isClosed()) return;
      this.#count++;
      this.#connection.publish(subject, copy, reply === undefined ? {} : { reply });
    }
  }
}
