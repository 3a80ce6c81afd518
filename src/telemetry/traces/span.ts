/** A span that has ended, as the exporter of OpenTelemetry reads it. */
import {
  type Attributes,
  type HrTime,
  type SpanContext,
  type SpanKind,
  SpanStatusCode,
} from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

const MICROS_PER_SECOND = 1_000_000;
const NANOS_PER_MICRO = 1_000;
const SAMPLED = 1;

/** Bytes of a span in OTLP beside its texts; rounded up. */
const SPAN_BYTES = 150;
/** Bytes of an attribute in OTLP beside its texts; rounded up. */
const ATTRIBUTE_BYTES = 20;
/** Most bytes of UTF-8 for one unit of UTF-16. */
const UTF8_BYTES_PER_UNIT = 3;

const NONE: [] = [];
const UNSET = { code: SpanStatusCode.UNSET } as const;
const ERROR = { code: SpanStatusCode.ERROR } as const;

/** Who all spans of a process are of. */
export interface SpanOrigin {
  readonly resource: Resource;
  readonly scope: { readonly name: string; readonly version: string };
}

/** Where a span belongs. */
export interface SpanPosition {
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined for the first span of a trace. */
  readonly parentId: string | undefined;
  /** Whether the parent is of another process. */
  readonly hasRemoteParent?: boolean;
}

/** What a span says. Times in microseconds since 1970. */
export interface SpanContent {
  readonly name: string;
  readonly kind: SpanKind;
  readonly startMicros: number;
  readonly endMicros: number;
  readonly attributes: Attributes;
}

/** A span that has ended. Its status is an error if it has the attribute `error.type`. */
export class EndedSpan implements ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
  readonly parentSpanContext?: SpanContext;
  readonly #origin: SpanOrigin;
  readonly #position: SpanPosition;
  readonly #startMicros: number;
  readonly #endMicros: number;
  #bytes: number | undefined;

  constructor(origin: SpanOrigin, position: SpanPosition, content: SpanContent) {
    this.name = content.name;
    this.kind = content.kind;
    this.attributes = content.attributes;
    const { traceId, parentId: spanId, hasRemoteParent: isRemote = false } = position;
    if (spanId !== undefined) {
      this.parentSpanContext = { traceId, spanId, traceFlags: SAMPLED, isRemote };
    }
    this.#origin = origin;
    this.#position = position;
    this.#startMicros = content.startMicros;
    this.#endMicros = Math.max(content.startMicros, content.endMicros);
  }

  /** Bytes of the span in OTLP; rounded up. */
  get bytes(): number {
    return this.#bytes ??= this.#estimated();
  }

  #estimated(): number {
    let [bytes, units] = [SPAN_BYTES, this.name.length];
    for (const name in this.attributes) {
      const value = this.attributes[name];
      bytes += ATTRIBUTE_BYTES + name.length;
      if (typeof value === "string") units += value.length;
    }
    return bytes + UTF8_BYTES_PER_UNIT * units;
  }

  spanContext(): SpanContext {
    const { traceId, spanId } = this.#position;
    return { traceId, spanId, traceFlags: SAMPLED };
  }

  get startTime(): HrTime {
    return hrTime(this.#startMicros);
  }

  get endTime(): HrTime {
    return hrTime(this.#endMicros);
  }

  get duration(): HrTime {
    return hrTime(this.#endMicros - this.#startMicros);
  }

  get status() {
    return "error.type" in this.attributes ? ERROR : UNSET;
  }

  get resource(): Resource {
    return this.#origin.resource;
  }

  get instrumentationScope() {
    return this.#origin.scope;
  }

  readonly links = NONE;
  readonly events = NONE;
  readonly ended = true;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
}

function hrTime(micros: number): HrTime {
  const seconds = Math.floor(micros / MICROS_PER_SECOND);
  return [seconds, (micros - seconds * MICROS_PER_SECOND) * NANOS_PER_MICRO];
}
