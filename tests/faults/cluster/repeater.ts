/** Repeats messages of the cluster, late and out of order, as no NATS should. */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { connectNats } from "../../../src/cluster/nats/transport.ts";
import type { NatsAddress } from "../../support/nats.ts";
import { pause } from "../load.ts";

/** Frames of sessions both ways, offers, heartbeats, and claims of asynchronous invocations. */
const REPEATED = [
  "invoked.v1.from.>",
  "invoked.v1.worker.>",
  "invoked.v1.heartbeat.>",
  "invoked.v1.claim.>",
];
/** Most repetitions come soon; the others after the end of what they belong to. */
const SOON_MS_MAX = 300;
const LATE_MS_MAX = 12_000;
/** NATS starts again and again. */
const RECONNECT = { maxReconnectAttempts: -1 } as const;

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

  /** Messages that were repeated. */
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
