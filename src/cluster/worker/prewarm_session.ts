import { getLogger } from "@logtape/logtape";
import type { JobRunner } from "../../engine/contract.ts";
import { Channel } from "../link/channel.ts";
import { CloseReason } from "../link/frames.ts";
import { DIGEST_UNITS, MessageType, type Prewarm } from "../link/messages.ts";
import { BrokenProtocol } from "../link/receiver.ts";
import type { Nats } from "../nats/connection.ts";
import { subjects } from "../nats/subjects.ts";
import { OWNER_MESSAGE_BYTES_MAX, type SessionArtifacts } from "./artifacts.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Keeps the scripts of a list ready, and asks the node that sent it for those that are missing. */
export class PrewarmSession {
  readonly #channel: Channel;
  readonly #list: Prewarm;
  readonly #artifacts: SessionArtifacts;

  constructor(nats: Nats, list: Prewarm, artifacts: SessionArtifacts, onEnd: () => void) {
    this.#list = list;
    this.#artifacts = artifacts;
    const { node, session } = list;
    this.#channel = new Channel({
      send: (frame) => nats.publish(subjects.toNode(nats.id, node, session), frame),
      onMessage: (type, bytes) => {
        if (type !== MessageType.ARTIFACT) {
          throw new BrokenProtocol(`there is no message of type ${type} here`);
        }
        const digest = new TextDecoder().decode(bytes.subarray(0, DIGEST_UNITS));
        artifacts.arrived(digest, bytes.subarray(DIGEST_UNITS));
      },
      onEnd: () => {
        artifacts.lost(this);
        onEnd();
      },
      messageBytesMax: OWNER_MESSAGE_BYTES_MAX,
      frameBytesMax: nats.payloadBytesMax,
    });
  }

  receive(frame: Uint8Array): void {
    this.#channel.receive(frame);
  }

  requestArtifact(digest: string): void {
    this.#channel.write(MessageType.ARTIFACT_WANTED, new TextEncoder().encode(digest));
  }

  close(): void {
    this.#channel.close(CloseReason.DONE);
  }

  /** Resolves once the instances are asked for. */
  async run(runner: JobRunner): Promise<void> {
    const { scripts } = this.#list;
    using _ = this.#artifacts.serve(scripts.map(({ scriptDigest }) => scriptDigest), this);
    try {
      await runner.prewarm(scripts);
    } catch (error) {
      // Calls still run, only later.
      logger.warn("Cannot keep scripts ready: {error}", { error });
    }
    this.close();
  }
}
