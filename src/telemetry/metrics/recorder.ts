/** Counts what the server reports in the instruments. */
import { STATUS_CODES } from "node:http";
import type { Attributes } from "@opentelemetry/api";
import {
  type AttemptReport,
  ENDPOINT_ROUTE,
  type NamedFunction,
  PHASES,
  type RequestReport,
  type Telemetry,
  type UnattemptedEnd,
  type UnstartedAttempt,
} from "../contract.ts";
import { methodOf, OTHER, triggerOf } from "../conventions.ts";
import type { Instruments } from "./instruments.ts";
import { BoundedMap, type FunctionLabels, type InternedSeries, type Labels } from "./series.ts";

const MICROS_PER_SECOND = 1_000_000;
const MS_PER_SECOND = 1000;

/** Series of requests to routes of the server. */
const REQUEST_SERIES_MAX = 2_000;
/** Series of requests to endpoints, apart from those of the server's routes: functions choose the statuses. */
const ENDPOINT_SERIES_MAX = 500;
/** Series of one metric whose only label is a code of the server. */
const CODES_MAX = 100;

/** The series of one function. */
class FunctionSeries {
  readonly base: Attributes;
  readonly phases: readonly Attributes[];
  /** By trigger, process and error code: the server has a few of each. */
  readonly #ends = new Map<string, Attributes>();

  constructor(private readonly labels: Labels, private readonly series: InternedSeries) {
    this.base = series.intern(labels);
    this.phases = PHASES.map((phase) => series.intern({ ...labels, "invoked.phase": phase }));
  }

  end(triggerKind: string, process = "none", errorCode?: string): Attributes {
    const trigger = triggerOf(triggerKind);
    const key = `${trigger} ${process} ${errorCode ?? ""}`;
    let attributes = this.#ends.get(key);
    if (attributes === undefined) {
      attributes = this.series.intern({
        ...this.labels,
        "faas.trigger": trigger,
        "invoked.process": process,
        ...errorCode === undefined ? {} : { "error.type": errorCode },
      });
      this.#ends.set(key, attributes);
    }
    return attributes;
  }
}

/** What a recorder counts in, and how it names series. */
interface RecorderParts {
  readonly instruments: Instruments;
  readonly series: InternedSeries;
  readonly functions: FunctionLabels;
  readonly scheme: "http" | "https";
}

/** Telemetry as metrics. */
export class MetricsRecorder implements Telemetry {
  /** By the labels of functions: those without labels of their own share them. */
  readonly #functions = new Map<Labels, FunctionSeries>();
  readonly #requests: BoundedMap<Attributes>;
  readonly #endpointRequests: BoundedMap<Attributes>;
  readonly #codes = new BoundedMap<Attributes>(CODES_MAX, () => ({ "error.type": OTHER }));

  constructor(private readonly parts: RecorderParts) {
    const shared = (labels: Labels) => () =>
      parts.series.intern({ "http.request.method": OTHER, ...labels });
    this.#requests = new BoundedMap(REQUEST_SERIES_MAX, shared({}));
    this.#endpointRequests = new BoundedMap(
      ENDPOINT_SERIES_MAX,
      shared({ "http.route": ENDPOINT_ROUTE }),
    );
  }

  attemptEnded(attempt: AttemptReport): void {
    const { unstarted } = attempt;
    if (unstarted !== undefined) return this.#countUnstarted(attempt, unstarted);
    const { histograms } = this.parts.instruments;
    const series = this.#seriesOf(attempt.function);
    const { base, phases } = series;
    this.#countEnd(attempt, series);
    histograms["faas.invoke_duration"].record(attempt.durationMicros / MICROS_PER_SECOND, base);
    const ofPhase = histograms["invoked.invocation.phase.duration"];
    for (let at = 0; at < phases.length; at++) {
      const micros = attempt.phaseMicros[at];
      if (typeof micros === "number") ofPhase.record(micros / MICROS_PER_SECOND, phases[at]);
    }
    const { cpuMicros, peakBytes, egressBytes = 0 } = attempt;
    if (cpuMicros !== undefined) {
      histograms["faas.cpu_usage"].record(cpuMicros / MICROS_PER_SECOND, base);
    }
    if (peakBytes !== undefined) histograms["faas.mem_usage"].record(peakBytes, base);
    if (egressBytes > 0) histograms["faas.net_io"].record(egressBytes, base);
    if (attempt.isRepeated) this.#countRetry(attempt.function, attempt.errorCode ?? OTHER);
  }

  endedUnattempted(end: UnattemptedEnd): void {
    if (end.isRepeated) this.#countRetry(end.function, end.errorCode);
    else this.#countUnattempted(end);
  }

  #countRetry(fn: NamedFunction, errorCode: string): void {
    const { counters } = this.parts.instruments;
    counters["invoked.invocation.retries"].add(1, this.#errorLabels(fn, errorCode));
  }

  #countUnstarted(
    { function: fn, triggerKind, errorCode }: AttemptReport,
    { rejection }: UnstartedAttempt,
  ): void {
    if (rejection !== undefined) this.invocationRejected(fn, rejection);
    else if (errorCode !== undefined) {
      this.#countUnattempted({ function: fn, triggerKind, errorCode });
    }
  }

  #countUnattempted(
    { function: fn, triggerKind, errorCode }: Pick<
      UnattemptedEnd,
      "function" | "triggerKind" | "errorCode"
    >,
  ): void {
    const attributes = this.#seriesOf(fn).end(triggerKind, undefined, errorCode);
    this.parts.instruments.counters["faas.errors"].add(1, attributes);
  }

  invocationRejected(fn: NamedFunction, reason: string): void {
    const { counters } = this.parts.instruments;
    counters["invoked.invocation.rejections"].add(1, this.#errorLabels(fn, reason));
  }

  requestAnswered({ method: given, route, status: answered, durationMs }: RequestReport): void {
    // Two series with the same labels would make the whole page invalid: the key has what the labels have.
    const method = methodOf(given);
    const status = String(answered) in STATUS_CODES ? answered : 100 * Math.floor(answered / 100);
    const requests = route === ENDPOINT_ROUTE ? this.#endpointRequests : this.#requests;
    const attributes = requests.get(
      `${status} ${method} ${route ?? ""}`,
      () =>
        this.parts.series.intern({
          "http.request.method": method,
          ...route === undefined ? {} : { "http.route": route },
          "http.response.status_code": status,
          "url.scheme": this.parts.scheme,
          ...status >= 500 ? { "error.type": String(status) } : {},
        }),
    );
    const { histograms } = this.parts.instruments;
    histograms["http.server.request.duration"].record(durationMs / MS_PER_SECOND, attributes);
  }

  credentialRejected(code: string): void {
    const attributes = this.#codes.get(code, () => ({ "error.type": code }));
    this.parts.instruments.counters["invoked.auth.rejections"].add(1, attributes);
  }

  deliveryAnswered(status: string): void {
    const attributes = { "invoked.delivery.status": status };
    this.parts.instruments.counters["invoked.webhook.deliveries"].add(1, attributes);
  }

  scheduleTaken(lateMs: number): void {
    const { histograms } = this.parts.instruments;
    histograms["invoked.schedule.delay"].record(Math.max(0, lateMs) / MS_PER_SECOND);
  }

  buildEnded(durationMs: number, errorType: string | undefined): void {
    const attributes = errorType === undefined ? {} : { "error.type": errorType };
    const { histograms } = this.parts.instruments;
    histograms["invoked.build.duration"].record(durationMs / MS_PER_SECOND, attributes);
  }

  storeSynced(durationMs: number): void {
    const { histograms } = this.parts.instruments;
    histograms["invoked.store.sync.duration"].record(durationMs / MS_PER_SECOND);
  }

  retentionErased(kind: string, count: number): void {
    const { counters } = this.parts.instruments;
    counters["invoked.retention.erased"].add(count, { "invoked.retention.kind": kind });
  }

  #countEnd(
    { triggerKind, process, errorCode, isRepeated }: AttemptReport,
    series: FunctionSeries,
  ): void {
    if (isRepeated) return;
    const { counters } = this.parts.instruments;
    const attributes = series.end(triggerKind, process, errorCode);
    counters[errorCode === undefined ? "faas.invocations" : "faas.errors"].add(1, attributes);
  }

  #errorLabels(fn: NamedFunction, errorType: string): Attributes {
    return { ...this.parts.functions.of(fn), "error.type": errorType };
  }

  #seriesOf(fn: NamedFunction): FunctionSeries {
    const labels = this.parts.functions.of(fn);
    let series = this.#functions.get(labels);
    if (series === undefined) {
      series = new FunctionSeries(labels, this.parts.series);
      this.#functions.set(labels, series);
    }
    return series;
  }
}
