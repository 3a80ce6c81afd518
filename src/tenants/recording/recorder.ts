/** Records the calls of a tenant, masked. */
import { exceeds, formatBytes } from "../../config/mod.ts";
import {
  type TenantAnswer,
  TenantError,
  type TenantRequest,
  type TenantTransport,
} from "../contract.ts";
import {
  type Entry,
  type RecordedAnswer,
  type RecordedRequest,
  type Recording,
  RECORDING_BYTES_MAX,
} from "./format.ts";
import type { MaskKind, MaskRules } from "./mask_rules.ts";
import { mapJson, Masker } from "./masker.ts";
import { mapPath, requestKey } from "./requests.ts";

/** One call, in the form of its file. */
interface Call {
  readonly operation: string;
  readonly request: RecordedRequest;
  readonly answer: RecordedAnswer;
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
}

/**
 * A recording in the making. The function already gets masked answers, so that it does the same when they are replayed.
 * A mask that it sends becomes its text again before the request leaves.
 */
export class Recorder {
  readonly #masker: Masker;
  readonly #calls: Call[] = [];
  readonly #literals = new Set<string>();
  #bytes = 0;

  constructor(rules: MaskRules) {
    this.#masker = new Masker(rules);
  }

  /** A transport that records what another one answers. Failures without an answer are not recorded. */
  around(inner: TenantTransport): TenantTransport {
    return {
      send: async (request, ...call) => {
        const answer = await inner.send(this.#unmasked(request), ...call);
        return this.#record(request, answer);
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

  #record({ operation, verb, path, body }: TenantRequest, answer: TenantAnswer): TenantAnswer {
    const name = `${operation.namespace}.${operation.method}`;
    const sent: RecordedRequest = body === undefined
      ? { verb, path }
      : { verb, path, body: JSON.parse(body) };
    const request = this.#masked(sent);
    if (requestKey(request) !== requestKey(sent)) this.#literals.add(name);
    const value = answer.body === "" ? undefined : this.#masker.mask(parse(answer.body));
    const call: Call = {
      operation: name,
      request,
      answer: value === undefined
        ? { status: answer.status }
        : { status: answer.status, body: value },
    };
    this.#bytes += JSON.stringify(call).length;
    if (this.#bytes > RECORDING_BYTES_MAX) {
      const limit = exceeds(this.#bytes, RECORDING_BYTES_MAX, formatBytes);
      throw new TenantError(
        "TENANT_ANSWER_TOO_LARGE",
        `sdk.${name} was not recorded: a recording ${limit}`,
      );
    }
    this.#calls.push(call);
    return { ...answer, body: value === undefined ? "" : JSON.stringify(value) };
  }

  #masked({ path, body, ...others }: RecordedRequest): RecordedRequest {
    const masked = mapPath(path, {
      segment: (text) => this.#masker.maskText(text),
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
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
