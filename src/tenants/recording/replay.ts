/** Answers from a recording. */
import {
  type TenantAnswer,
  TenantError,
  type TenantRequest,
  type TenantTransport,
} from "../contract.ts";
import type { Entry, Recording } from "./format.ts";
import { nearestKey, requestKey, shownKey } from "./requests.ts";

/** An entry and how many of its answers were given. */
interface Replayed {
  readonly entry: Entry;
  given: number;
}

/**
 * A tenant that knows the requests of a recording and no others. Equal requests get the recorded answers in their
 * order, and then the last one again: a loop that waits for a change ends as it ended when it was recorded.
 */
export class ReplayTransport implements TenantTransport {
  readonly #operations: ReadonlyMap<string, ReadonlyMap<string, Replayed>>;

  constructor(recording: Recording) {
    this.#operations = new Map(
      Array.from(recording, ([operation, entries]) => [
        operation,
        new Map(entries.map((entry) => [requestKey(entry.request), { entry, given: 0 }])),
      ]),
    );
  }

  /** @throws {TenantError} TENANT_NOT_RECORDED, with the request and the nearest recorded one */
  // deno-lint-ignore require-await -- a rejection, as with every transport
  async send(
    { operation, verb, path, body }: TenantRequest,
    signal: AbortSignal,
  ): Promise<TenantAnswer> {
    signal.throwIfAborted();
    const name = `${operation.namespace}.${operation.method}`;
    const request = body === undefined ? { verb, path } : { verb, path, body: JSON.parse(body) };
    const key = requestKey(request);
    const found = this.#operations.get(name)?.get(key);
    if (found === undefined) throw this.#notRecorded(name, key);
    const { answers } = found.entry;
    const answer = answers[Math.min(found.given++, answers.length - 1)];
    if (answer === undefined) throw this.#notRecorded(name, key);
    return {
      status: answer.status,
      headers: { "content-type": "application/json" },
      body: answer.body === undefined ? "" : JSON.stringify(answer.body),
    };
  }

  #notRecorded(name: string, key: string): TenantError {
    const own = [...this.#operations.get(name)?.keys() ?? []];
    const others = [...this.#operations.values()].flatMap((requests) => [...requests.keys()]);
    const nearest = nearestKey(key, own.length > 0 ? own : others);
    const end = nearest === undefined
      ? ""
      : `; the nearest recorded request is ${shownKey(nearest)}`;
    return new TenantError(
      "TENANT_NOT_RECORDED",
      `sdk.${name}: the recording does not have the request ${shownKey(key)}${end}`,
    );
  }
}
