/** A worker that does what no worker of ours does. */
import { Channel } from "../../src/cluster/link/channel.ts";
import { readLoadRequest } from "../../src/cluster/link/load_messages.ts";
import {
  type ClaimReply,
  encode,
  type Heartbeat,
  MessageType,
  readClaimReply,
  readOffer,
} from "../../src/cluster/link/messages.ts";
import { PROTOCOL } from "../../src/cluster/link/protocol.ts";
import { SealKey } from "../../src/cluster/link/sealing.ts";
import { Nats } from "../../src/cluster/nats/connection.ts";
import { partsOf, subjects } from "../../src/cluster/nats/subjects.ts";
import { Heartbeats } from "../../src/cluster/worker/heartbeats.ts";
import type { NatsAddress } from "../support/nats.ts";

/** A bound for a busy machine. */
const CLAIM_TIMEOUT_MS = 60_000;

/** What it does once it has the sealed job. */
export type Deed = (channel: Channel, send: (frame: Uint8Array) => void) => void;

export class RogueWorker implements AsyncDisposable {
  #deed: Deed = () => {};
  /** Offers that it got. */
  offers = 0;

  private constructor(
    readonly nats: Nats,
    private readonly key: SealKey,
    private readonly opened: AsyncDisposableStack,
  ) {}

  static async start(
    { options }: NatsAddress,
    heartbeat: Partial<Heartbeat> = {},
  ): Promise<RogueWorker> {
    await using opened = new AsyncDisposableStack();
    const nats = opened.use(await Nats.connect(options, "rogue"));
    const key = await SealKey.create();
    const own = opened.use(
      new Heartbeats(nats, () => ({
        protocol: PROTOCOL,
        version: "rogue",
        capacity: 100,
        free: 100,
        ready: [],
        scriptList: "",
        publicKey: key.publicKey,
        isDraining: false,
        ...heartbeat,
      })),
    );
    const rogue = new RogueWorker(nats, key, opened.move());
    nats.subscribe(subjects.offer(nats.id), ({ bytes }) => rogue.#accept(bytes));
    await own.start();
    return rogue;
  }

  /** From now on it does this. */
  will(deed: Deed): void {
    this.#deed = deed;
  }

  /** Claims an asynchronous invocation for a session with this id. */
  async claim(session: string): Promise<ClaimReply> {
    const { nats } = this;
    const request = this.claimRequest(session);
    return readClaimReply(await nats.request(subjects.claim(nats.id), request, CLAIM_TIMEOUT_MS));
  }

  claimRequest(session: string, protocol = PROTOCOL): Uint8Array {
    return encode({ protocol, session, publicKey: this.key.publicKey });
  }

  /** From now on it answers requests for load reports with this. */
  answerLoads(reply: Uint8Array): void {
    this.nats.subscribe(subjects.load(this.nats.id), async ({ bytes }) => {
      const { id: worker } = this.nats;
      const opened = await this.key.open({ kind: "load", worker }, bytes.slice());
      const { node, id } = readLoadRequest(opened);
      this.nats.publish(subjects.report(worker, node, id), reply);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.opened.disposeAsync();
  }

  #accept(bytes: Uint8Array): void {
    this.offers++;
    const { node, session } = readOffer(bytes);
    const send = (frame: Uint8Array) =>
      this.nats.publish(subjects.toNode(this.nats.id, node, session), frame);
    const channel: Channel = new Channel({
      send,
      onMessage: (type) => {
        if (type === MessageType.JOB) this.#deed(channel, send);
      },
      onEnd: () => {},
      messageBytesMax: 100_000_000,
      frameBytesMax: this.nats.payloadBytesMax,
    });
    this.nats.subscribe(
      subjects.toWorker(this.nats.id, session),
      (message) => channel.receive(message.bytes),
    );
    const { publicKey } = this.key;
    channel.write(MessageType.ACCEPTED, encode({ protocol: PROTOCOL, publicKey }));
  }
}

/** Sends frames under another worker's id to the owner of each session, with every frame that its worker sends. */
export function forge(nats: Nats, frames: () => readonly Uint8Array[]): Disposable {
  return nats.subscribe("invoked.v1.from.>", ({ subject }) => {
    const [, worker = "", node = "", session = ""] = partsOf(subject);
    if (worker === nats.id) return;
    for (const frame of frames()) nats.publish(subjects.toNode(nats.id, node, session), frame);
  });
}
