/** The stream of changes, as a client has it. */
import assert from "node:assert/strict";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { eventually } from "./eventually.ts";

const EVENTS = "/api/v1/events";

interface Change {
  readonly kind: string;
  readonly id?: string;
  readonly functionId?: string;
}

/** What somebody watches. Disposing it leaves. */
export class Watched implements Disposable {
  readonly changes: Change[] = [];
  readonly ended: Promise<void>;
  readonly #abort: AbortController;

  private constructor(response: Response, abort: AbortController) {
    this.#abort = abort;
    this.ended = this.#read(response).catch(() => {});
  }

  static async start(url: string, headers: Readonly<Record<string, string>>): Promise<Watched> {
    const abort = new AbortController();
    const response = await fetch(url + EVENTS, { headers, signal: abort.signal });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/event-stream");
    return new Watched(response, abort);
  }

  async #read({ body }: Response): Promise<void> {
    const events = (body ?? assert.fail()).pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const { data } of events) this.changes.push(JSON.parse(data));
  }

  /** Resolves once there is a change of this kind: of this id, or of several. */
  async has(kind: string, id?: string): Promise<Change> {
    return await eventually(() =>
      Promise.resolve(
        this.changes.find((change) =>
          change.kind === kind && (id === undefined || change.id === undefined || change.id === id)
        ),
      ), `a change of ${kind} ${id ?? ""}`);
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }
}
