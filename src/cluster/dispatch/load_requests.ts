import type { LoadAnswer, LoadReporter, LoadRequest } from "../../engine/load_reporter.ts";
import { encodeLoadMessage, readLoadReply } from "../link/load_messages.ts";
import { hasMemory } from "../link/messages.ts";
import type { Seals } from "../link/sealing.ts";
import type { Nats, ReceivedMessage } from "../nats/connection.ts";
import { type Grant, grantsOf } from "../objects/grants.ts";
import { partsOf, subjects } from "../nats/subjects.ts";
import type { KnownWorker, Registry } from "../registry/registry.ts";

/** How long a worker may take: it prefers invocations, and loads one script after another. */
const REPLY_TIMEOUT_MS = 60_000;

interface RequestParts {
  readonly nats: Nats;
  /** What a worker needs to read an artifact, by its digest. */
  readonly grantOf: (digest: string) => Promise<Grant>;
  readonly seals: Seals;
  readonly registry: Registry;
}

interface Waiting {
  readonly worker: string;
  readonly resolve: (answer: LoadAnswer) => void;
  readonly reject: (error: unknown) => void;
}

const LATER: LoadAnswer = { kind: "later" };
const UNAVAILABLE: LoadAnswer = { kind: "unavailable" };

/** Lets workers load scripts for reports, since an API node may have no instances. */
export class LoadRequests implements LoadReporter, Disposable {
  readonly #subscription: Disposable;
  readonly #waiting = new Map<string, Waiting>();

  /** @param node id of this API node */
  constructor(private readonly parts: RequestParts, private readonly node: string) {
    this.#subscription = parts.nats.subscribe(
      subjects.reports(node),
      (message) => this.#receive(message),
    );
  }

  /** The report of the worker with the most free slots. Rejects for a reply that is malformed. */
  async report(request: LoadRequest, signal: AbortSignal): Promise<LoadAnswer> {
    const { workers } = this.parts.registry;
    const able = workers.filter(({ heartbeat }) =>
      heartbeat.reportsLoads === true && hasMemory(heartbeat, request)
    );
    const worker = able.toSorted((a, b) => b.free - a.free)[0];
    // A worker of an earlier version may be followed by one that reports.
    const mayFollow = workers.length === 0 ||
      workers.some(({ heartbeat }) => heartbeat.reportsLoads === undefined);
    if (worker === undefined) return mayFollow ? LATER : UNAVAILABLE;
    return await this.#ask(worker, request, signal);
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    for (const { resolve } of this.#waiting.values()) resolve(LATER);
  }

  async #ask(
    { id: worker, heartbeat: { publicKey } }: KnownWorker,
    request: LoadRequest,
    signal: AbortSignal,
  ): Promise<LoadAnswer> {
    const { nats, seals, grantOf } = this.parts;
    // A worker that could guess it could answer in place of another one.
    const id = crypto.randomUUID();
    const keys = await grantsOf([request.scriptDigest, request.sourceMapDigest], grantOf);
    const message = encodeLoadMessage({ ...request, node: this.node, id, keys });
    const sealed = await seals.seal(publicKey, { kind: "load", worker }, message);
    const { promise, resolve, reject } = Promise.withResolvers<LoadAnswer>();
    const giveUp = () => resolve(LATER);
    const timer = setTimeout(giveUp, REPLY_TIMEOUT_MS);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    this.#waiting.set(id, { worker, resolve, reject });
    nats.publish(subjects.load(worker), sealed);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      this.#waiting.delete(id);
    }
  }

  #receive({ subject, bytes }: ReceivedMessage): void {
    const [, worker, , id = ""] = partsOf(subject);
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.worker !== worker) return;
    try {
      const { report } = readLoadReply(bytes);
      waiting.resolve(report === undefined ? UNAVAILABLE : { kind: "reported", report });
    } catch (error) {
      waiting.reject(error);
    }
  }
}
