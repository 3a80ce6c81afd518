import { getLogger } from "@logtape/logtape";
import { nuid } from "@nats-io/transport-node";
import type { ArtifactSource, Prewarmed } from "../../engine/contract.ts";
import { pause } from "../../shared/pause.ts";
import { Channel } from "../link/channel.ts";
import { CloseReason } from "../link/frames.ts";
import { encode, MessageType, readDigest, SCRIPTS_MAX } from "../link/messages.ts";
import { BrokenProtocol } from "../link/receiver.ts";
import type { Nats } from "../nats/connection.ts";
import { subjects } from "../nats/subjects.ts";
import type { Registry } from "../registry/registry.ts";
import type { RoutedSession, Sessions } from "./sessions.ts";

const logger = getLogger(["invoked", "cluster"]);

/** Changes of the workers within this time share one distribution. */
const SETTLE_MS = 500;
/** The largest message of a worker: a digest. */
const MESSAGE_BYTES_MAX = 1024;

export interface PrewarmingParts {
  readonly nats: Nats;
  readonly artifacts: ArtifactSource;
  readonly sessions: Sessions;
  readonly registry: Registry;
}

/** Shares the instances that wait with a script among the workers, and again when workers come or go. */
export class Prewarming implements Disposable {
  readonly #parts: PrewarmingParts;
  readonly #closing = new AbortController();
  /** What each worker was sent last. */
  readonly #sent = new Map<string, string>();
  #scripts: readonly Prewarmed[] = [];
  #decidedAt = 0;

  constructor(parts: PrewarmingParts) {
    this.#parts = parts;
    this.#follow();
  }

  /** Replaces the list. */
  set(scripts: readonly Prewarmed[]): void {
    if (scripts.length > SCRIPTS_MAX) {
      logger.warn("Only the first {max} of {count} scripts are kept ready on workers", {
        max: SCRIPTS_MAX,
        count: scripts.length,
      });
    }
    this.#scripts = scripts.slice(0, SCRIPTS_MAX);
    // The newest list wins: another node may have read an older one.
    this.#decidedAt = Date.now();
    this.#distribute();
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#parts.registry.changed;
      await pause(SETTLE_MS, signal);
      if (!signal.aborted) this.#distribute();
    }
  }

  #distribute(): void {
    const workers = this.#parts.registry.workers.map(({ id }) => id).sort();
    for (const id of this.#sent.keys()) if (!workers.includes(id)) this.#sent.delete(id);
    for (const [at, id] of workers.entries()) {
      const scripts = shareOf(this.#scripts, at, workers.length);
      const text = JSON.stringify([this.#decidedAt, scripts]);
      const isKnown = this.#sent.get(id) === text ||
        (scripts.length === 0 && !this.#sent.has(id));
      if (isKnown) continue;
      this.#sent.set(id, text);
      this.#send(id, scripts);
    }
  }

  #send(worker: string, scripts: readonly Prewarmed[]): void {
    const { nats, artifacts, sessions } = this.#parts;
    const id = nuid.next();
    const end = () => sessions.remove(id);
    const session = new ScriptSession({ nats, artifacts }, worker, id, scripts, end);
    sessions.add(id, session);
    const { node } = sessions;
    const list = { node, session: id, decidedAt: this.#decidedAt, scripts: [...scripts] };
    nats.publish(subjects.prewarm(worker), encode(list));
  }
}

/** The share of one worker: each gets the same, the first ones get the rest. */
function shareOf(scripts: readonly Prewarmed[], at: number, workers: number): Prewarmed[] {
  return scripts.flatMap(({ scriptDigest, count }) => {
    const own = Math.floor(count / workers) + (at < count % workers ? 1 : 0);
    return own === 0 ? [] : [{ scriptDigest, count: own }];
  });
}

/** Sends scripts that a worker keeps ready and does not have. */
class ScriptSession implements RoutedSession {
  readonly #worker: string;
  readonly #channel: Channel;

  constructor(
    { nats, artifacts }: { readonly nats: Nats; readonly artifacts: ArtifactSource },
    worker: string,
    id: string,
    scripts: readonly Prewarmed[],
    onEnd: () => void,
  ) {
    this.#worker = worker;
    this.#channel = new Channel({
      send: (frame) => nats.publish(subjects.toWorker(worker, id), frame),
      onMessage: async (type, bytes) => {
        const digest = type === MessageType.ARTIFACT_WANTED ? readDigest(bytes) : "";
        if (!scripts.some(({ scriptDigest }) => scriptDigest === digest)) {
          throw new BrokenProtocol("a worker wants what is not on its list of scripts");
        }
        const text = digest + await artifacts.text(digest);
        await this.#channel.write(MessageType.ARTIFACT, new TextEncoder().encode(text));
      },
      onEnd,
      messageBytesMax: MESSAGE_BYTES_MAX,
      frameBytesMax: nats.payloadBytesMax,
    });
  }

  receive(worker: string, frame: Uint8Array): void {
    if (worker === this.#worker) this.#channel.receive(frame);
  }

  close(): void {
    this.#channel.close(CloseReason.DONE);
  }
}
