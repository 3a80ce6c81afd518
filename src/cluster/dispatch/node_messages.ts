import type { Nats } from "../nats/connection.ts";
import { isId, partsOf, subjects } from "../nats/subjects.ts";

/** How long another node may take to cancel an invocation: its end is recorded first. */
const CANCEL_TIMEOUT_MS = 20_000;
const YES = "yes";
const NO = "no";

const encodeText = (text: string) => new TextEncoder().encode(text);
const decodeText = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** What API nodes say to each other. */
export class NodeMessages implements Disposable {
  #serving: Disposable | undefined;

  /** @param node id of this API node */
  constructor(private readonly nats: Nats, private readonly node: string) {}

  /** Reports to the other nodes that something of an invocation was recorded. It may be lost. */
  publish(invocationId: string): void {
    this.nats.publish(subjects.notify(invocationId), encodeText(this.node));
  }

  /** Calls `wake` for each such report of another node. */
  subscribe(invocationId: string, wake: () => void): Disposable {
    return this.nats.subscribe(subjects.notify(invocationId), ({ bytes }) => {
      if (decodeText(bytes) !== this.node) wake();
    });
  }

  /** Reports to the other nodes what has changed. It may be lost. */
  publishChanges(changes: readonly unknown[]): void {
    this.nats.publish(subjects.changes(this.node), encodeText(JSON.stringify(changes)));
  }

  /** Calls the listener with such reports of other nodes, which are not checked. */
  subscribeChanges(listener: (changes: readonly unknown[]) => void): Disposable {
    return this.nats.subscribe(subjects.allChanges(), ({ subject, bytes }) => {
      if (partsOf(subject).at(-1) === this.node) return;
      const changes = listIn(bytes);
      if (changes !== undefined) listener(changes);
    });
  }

  /** Asks a node to cancel its invocation; false if the node does not answer or does not run the invocation. */
  async cancel(node: string, invocationId: string): Promise<boolean> {
    try {
      const request = encodeText(invocationId);
      const reply = await this.nats.request(subjects.cancel(node), request, CANCEL_TIMEOUT_MS);
      return decodeText(reply) === YES;
    } catch {
      return false;
    }
  }

  /** Answers the requests of other nodes to this node. */
  serve(cancel: (invocationId: string) => Promise<boolean>): void {
    this.#serving ??= this.nats.subscribe(subjects.cancel(this.node), async (message) => {
      const id = decodeText(message.bytes);
      if (!isId(id)) return;
      const isCancelled = await cancel(id).catch(() => false);
      message.respond(encodeText(isCancelled ? YES : NO));
    });
  }

  [Symbol.dispose](): void {
    this.#serving?.[Symbol.dispose]();
  }
}

/** The list in a message; undefined for anything else, as of another version. */
function listIn(bytes: Uint8Array): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(decodeText(bytes));
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
