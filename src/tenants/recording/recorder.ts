/** Records the calls of a tenant, masked. */
import { countOf, exceeds, formatBytes } from "../../config/mod.ts";
import {
  type OperationName,
  type TenantAnswer,
  TenantError,
  type TenantRequest,
  type TenantTransport,
} from "../contract.ts";
import { findOperation } from "../operation_table.ts";
import { nextStep } from "../steps.ts";
import {
  type Entry,
  FILE_VALUES_MAX,
  type RecordedAnswer,
  type RecordedRequest,
  type Recording,
  RECORDING_BYTES_MAX,
  valuesOf,
} from "./format.ts";
import type { MaskKind, MaskRules } from "./mask_rules.ts";
import { mapJson, Masker } from "./masker.ts";
import { ClockTimes, withoutAny } from "./request_fields.ts";
import { mapPath, requestKey } from "./requests.ts";

/** One call, in the form of its file. */
interface Call {
  readonly operation: string;
  readonly request: RecordedRequest;
  readonly answer: RecordedAnswer;
}

/**
 * The calls of equal requests in one attempt of an invocation, or in one run of tests. Replay begins each attempt with the
 * first answer, so a later attempt replaces the calls of an earlier one.
 */
interface RecordedCalls {
  readonly attempt: object;
  /** The attempts whose calls were replaced. */
  readonly earlier: WeakSet<object>;
  readonly calls: Call[];
  bytes: number;
  values: number;
}

/** What a recording has, for the person who made it. */
interface RecordingSummary {
  readonly calls: number;
  /** How many different texts of each kind were masked. */
  readonly masked: Readonly<Partial<Record<MaskKind, number>>>;
  /**
   * Operations whose requests had texts that the recording masks, although no answer had masked them before: the code
   * itself contains these texts, so a replay does not find its requests.
   */
  readonly literals: readonly string[];
  /** Operations and fields of their requests that had a time of the clock: a replay does not find these requests. */
  readonly times: readonly RequestField[];
}

/** A field of the requests of an operation, such as `createdAfter`. */
interface RequestField {
  readonly operation: string;
  readonly field: string;
}

/**
 * A recording in the making. The function already gets masked answers, so that it does the same when they are replayed.
 * A mask that it sends becomes its text again before the request leaves.
 */
export class Recorder {
  readonly #masker: Masker;
  /** By operation and request; in the order of their first calls. */
  readonly #entries = new Map<string, RecordedCalls>();
  readonly #literals = new Set<string>();
  readonly #clock = new ClockTimes();
  /** Of each operation and field, by both. */
  readonly #times = new Map<string, RequestField>();
  /** The call that is recorded after all earlier ones. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly rules: MaskRules) {
    this.#masker = new Masker(rules);
  }

  /** A transport that records what another one answers. Failures without an answer are not recorded. */
  around(inner: TenantTransport): TenantTransport {
    return {
      send: async (request, signal, options) => {
        const answer = await inner.send(this.#unmasked(request), signal, options);
        const recorded = this.#last.then(() =>
          this.#record(request, answer, options?.attempt ?? this)
        );
        this.#last = recorded.catch(() => {});
        return await recorded;
      },
    };
  }

  /** What was recorded so far. */
  get recording(): Recording {
    const operations = new Map<
      string,
      Map<string, { request: RecordedRequest; answers: RecordedAnswer[] }>
    >();
    for (const { operation, request, answer } of this.#finished()) {
      const entries = operations.get(operation) ?? new Map();
      operations.set(operation, entries);
      const key = requestKey(request);
      const entry = entries.get(key) ?? { request, answers: [] };
      entries.set(key, entry);
      entry.answers.push(answer);
    }
    return new Map(
      Array.from(operations, ([operation, entries]): [string, readonly Entry[]] => [
        operation,
        [...entries].toSorted(([a], [b]) => a < b ? -1 : 1).map(([, entry]) => entry),
      ]),
    );
  }

  get summary(): RecordingSummary {
    // The last pass may find more literals.
    this.#finished();
    return {
      calls: this.#calls.length,
      masked: this.#masker.counts,
      literals: [...this.#literals].toSorted(),
      times: [...this.#times].toSorted(([a], [b]) => a < b ? -1 : 1).map(([, time]) => time),
    };
  }

  /** The calls, without names that an answer had before their person. */
  #finished(): readonly Call[] {
    const named = this.#masker.nameMasker();
    return this.#calls.map(({ operation, request, answer }) => {
      const masked = {
        ...mapJson(request, { text: named }) as RecordedRequest,
        path: mapPath(request.path, { segment: named, parameter: (_, text) => named(text) }),
      };
      if (requestKey(masked) !== requestKey(request)) this.#literals.add(operation);
      return {
        operation,
        request: masked,
        answer: mapJson(answer, { text: named }) as RecordedAnswer,
      };
    });
  }

  get #calls(): readonly Call[] {
    return [...this.#entries.values()].flatMap(({ calls }) => calls);
  }

  /** Why a recording with the calls so far could not be replayed; undefined if it can. @param name of the operation */
  #excess(name: string): string | undefined {
    const bytes = this.#entries.values().reduce((sum, { bytes }) => sum + bytes, 0);
    if (bytes > RECORDING_BYTES_MAX) {
      return `a recording ${exceeds(bytes, RECORDING_BYTES_MAX, formatBytes)}`;
    }
    const values = this.#entries.entries().filter(([key]) => key.startsWith(`${name} `))
      .reduce((sum, [, { values }]) => sum + values, 0);
    return values > FILE_VALUES_MAX
      ? `${name}.json ${exceeds(values, FILE_VALUES_MAX, (count) => countOf(count, "value"))}`
      : undefined;
  }

  /** The calls of an entry that an attempt adds to; undefined if a later attempt has replaced its calls. */
  #entryOf(key: string, attempt: object): RecordedCalls | undefined {
    const present = this.#entries.get(key);
    if (present?.attempt === attempt) return present;
    if (present?.earlier.has(attempt)) return undefined;
    const earlier = present?.earlier ?? new WeakSet();
    if (present !== undefined) earlier.add(present.attempt);
    const entry = { attempt, earlier, calls: [], bytes: 0, values: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  /** Records in steps: one call at a time, so that answers keep the order in which they came. */
  async #record(
    { operation, verb, path, body }: TenantRequest,
    answer: TenantAnswer,
    attempt: object,
  ): Promise<TenantAnswer> {
    const name = `${operation.namespace}.${operation.method}`;
    const whole: RecordedRequest = body === undefined
      ? { verb, path }
      : { verb, path, body: JSON.parse(body) };
    const sent = withoutAny(whole, this.rules);
    const request = this.#masked(operation, sent);
    for (const field of this.#clock.in(sent)) {
      this.#times.set(`${name} ${field}`, { operation: name, field });
    }
    this.#clock.note(answer.body);
    if (requestKey(request) !== requestKey(sent)) this.#literals.add(name);
    await nextStep(answer.body);
    const { status, headers } = answer;
    const value = answer.body === "" ? undefined : this.#masker.mask(jsonOf(answer));
    await nextStep(answer.body);
    const text = value === undefined ? "" : JSON.stringify(value);
    const call: Call = {
      operation: name,
      request,
      answer: value === undefined ? { status } : { status, body: value },
    };
    const entry = this.#entryOf(`${name} ${requestKey(request)}`, attempt);
    if (entry !== undefined) {
      entry.bytes += JSON.stringify(request).length + text.length;
      // At least what the call adds to its file.
      entry.values += valuesOf(
        { format: 1, entries: [{ request, answers: [call.answer] }] },
        FILE_VALUES_MAX,
      );
      const excess = this.#excess(name);
      if (excess !== undefined) {
        throw new TenantError(
          "TENANT_ANSWER_TOO_LARGE",
          `sdk.${name} was not recorded: ${excess}`,
        );
      }
      entry.calls.push(call);
    }
    return value === undefined
      ? { status, headers, body: text }
      : { status, headers, body: text, json: value };
  }

  #masked(
    { namespace, method }: OperationName,
    { path, body, ...others }: RecordedRequest,
  ): RecordedRequest {
    const template = findOperation(namespace, method)?.path.split("/") ?? [];
    const masked = mapPath(path, {
      segment: (text, at) => {
        const [, name] = /^\{(\w+)\}$/.exec(template[at] ?? "") ?? [];
        return name === undefined
          ? this.#masker.maskText(text)
          : this.#masker.maskField(name, text);
      },
      parameter: (name, text) => this.#masker.maskField(name, text),
    });
    return {
      ...others,
      path: masked,
      ...body === undefined ? {} : { body: this.#masker.mask(body) },
    };
  }

  #unmasked(request: TenantRequest): TenantRequest {
    const path = mapPath(request.path, {
      segment: (text) => this.#masker.unmask(text),
      parameter: (_, text) => this.#masker.unmask(text),
    });
    const body = request.body === undefined
      ? undefined
      : JSON.stringify(this.#masker.unmaskValue(JSON.parse(request.body)));
    return { ...request, path, body };
  }
}

/** Answers are JSON; a transport without that check could have others. */
function jsonOf({ body, json }: TenantAnswer): unknown {
  if (json !== undefined) return json;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
