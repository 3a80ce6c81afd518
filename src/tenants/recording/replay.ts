/** Answers from a recording. */
import {
  type SendOptions,
  type TenantAnswer,
  TenantError,
  type TenantRequest,
  type TenantTransport,
} from "../contract.ts";
import { otherWork } from "../../shared/pause.ts";
import { nextStep, ValueSteps } from "../steps.ts";
import { type Entry, FILE_VALUES_MAX, readRecording, valuesOf } from "./format.ts";
import { MASKING_FILE, type MaskRules, maskRules } from "./mask_rules.ts";
import { withoutAny } from "./request_fields.ts";
import { nearestKey, requestKey, shownKey } from "./requests.ts";

/**
 * A tenant that knows the requests of a recording and no others. Equal requests of an attempt get the recorded answers
 * in their order, and then the last one again: a loop that waits for a change ends as it ended when it was recorded. Each
 * attempt begins with the first answer, so that the runs of `invoked dev` are alike. Requests are equal if they differ in
 * fields alone that the recording's rules ignore.
 */
export class ReplayTransport implements TenantTransport {
  /** How many answers of an entry each attempt has got: what has ended needs no count. */
  readonly #given = new WeakMap<object, Map<Entry, number>>();

  private constructor(
    /** The entries of each operation by the keys of their requests. */
    private readonly operations: ReadonlyMap<string, ReadonlyMap<string, Entry>>,
    private readonly rules: MaskRules,
  ) {}

  /**
   * Opens a recording in steps, between which the server does other work.
   * @param files the text of each file of the recording's folder, by name
   * @throws {RecordingError} as {@link readRecording} and {@link maskRules}
   */
  static async open(files: ReadonlyMap<string, string>): Promise<ReplayTransport> {
    const rules = maskRules(files.get(MASKING_FILE));
    const operations = new Map<string, ReadonlyMap<string, Entry>>();
    for (const [operation, entries] of await readRecording(files)) {
      operations.set(operation, await byKey(entries, rules));
      await otherWork();
    }
    return new ReplayTransport(operations, rules);
  }

  /** @throws {TenantError} TENANT_NOT_RECORDED, with the request and the nearest recorded one */
  async send(
    { operation, verb, path, body }: TenantRequest,
    signal: AbortSignal,
    { attempt = this }: SendOptions = {},
  ): Promise<TenantAnswer> {
    signal.throwIfAborted();
    const name = `${operation.namespace}.${operation.method}`;
    const request = body === undefined ? { verb, path } : { verb, path, body: JSON.parse(body) };
    await nextStep(body ?? "");
    const key = requestKey(withoutAny(request, this.rules));
    const found = this.operations.get(name)?.get(key);
    if (found === undefined) throw this.#notRecorded(name, key);
    const given = this.#given.get(attempt) ?? new Map<Entry, number>();
    this.#given.set(attempt, given);
    const count = given.get(found) ?? 0;
    given.set(found, count + 1);
    const answer = found.answers[Math.min(count, found.answers.length - 1)];
    if (answer === undefined) throw this.#notRecorded(name, key);
    const headers = { "content-type": "application/json" };
    if (answer.body === undefined) return { status: answer.status, headers, body: "" };
    const text = JSON.stringify(answer.body);
    await nextStep(text);
    return { status: answer.status, headers, body: text, json: answer.body };
  }

  #notRecorded(name: string, key: string): TenantError {
    const own = this.operations.get(name)?.keys() ?? [];
    const others = this.operations.values().flatMap((requests) => requests.keys());
    const nearest = nearestKey(key, own) ?? nearestKey(key, others);
    const end = nearest === undefined
      ? ""
      : `; the nearest recorded request is ${shownKey(nearest)}`;
    return new TenantError(
      "TENANT_NOT_RECORDED",
      `sdk.${name}: the recording does not have the request ${shownKey(key)}${end}; ` +
        "record it with invoked test --record",
    );
  }
}

/** The rules may be newer than the recording: entries that have become equal are one, in the order of their file. */
async function byKey(
  entries: readonly Entry[],
  rules: MaskRules,
): Promise<ReadonlyMap<string, Entry>> {
  const steps = new ValueSteps();
  const byKey = new Map<string, Entry>();
  for (const { request, answers } of entries) {
    const key = requestKey(withoutAny(request, rules));
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, { request, answers: [...answers] });
    else same.answers.push(...answers);
    await steps.next(valuesOf(request, FILE_VALUES_MAX));
  }
  return byKey;
}
