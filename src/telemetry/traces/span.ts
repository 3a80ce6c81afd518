/** Spans in OTLP (https://github.com/open-telemetry/opentelemetry-proto, `trace.proto`), as Protobuf. */
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { Buffer } from "node:buffer";
import { ProtobufWriter } from "./protobuf.ts";

const NANOS_PER_MICRO = 1_000;
const SAMPLED = 1;
/** The flags say whether the parent is of another process, and that it is. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** The numbers of the fields that are used. */
const REQUEST = { resourceSpans: 1 } as const;
const RESOURCE_SPANS = { resource: 1, scopeSpans: 2 } as const;
const RESOURCE = { attributes: 1 } as const;
const SCOPE_SPANS = { scope: 1, spans: 2 } as const;
const SCOPE = { name: 1, version: 2 } as const;
const SPAN = {
  traceId: 1,
  spanId: 2,
  parentSpanId: 4,
  name: 5,
  kind: 6,
  startTimeUnixNano: 7,
  endTimeUnixNano: 8,
  attributes: 9,
  status: 15,
  flags: 16,
} as const;
const STATUS = { code: 3 } as const;
const KEY_VALUE = { key: 1, value: 2 } as const;
const ANY_VALUE = { string: 1, bool: 2, int: 3, double: 4 } as const;

/** Seconds, also whole ones, are floating-point numbers: backends keep one type for each attribute. */
export interface Seconds {
  readonly seconds: number;
}

/** Numbers are whole and not negative. */
export type Attributes = Readonly<Record<string, string | number | boolean | Seconds>>;

/** Where a span belongs. */
interface SpanPosition {
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

/** A span that has ended, as a field of the message with its scope. */
export type EndedSpan = Uint8Array;

const writer = new ProtobufWriter();

/** The span. Its status is an error if it has the attribute `error.type`. */
export function encodeSpan(position: SpanPosition, content: SpanContent): EndedSpan {
  writer.begin();
  const start = writer.open(SCOPE_SPANS.spans);
  writeSpan(position, content);
  writer.close(start);
  return writer.finish();
}

function writeSpan(
  { traceId, spanId, parentId, hasRemoteParent = false }: SpanPosition,
  { name, kind, startMicros, endMicros, attributes }: SpanContent,
): void {
  writer.hex(SPAN.traceId, traceId);
  writer.hex(SPAN.spanId, spanId);
  if (parentId !== undefined) writer.hex(SPAN.parentSpanId, parentId);
  writer.text(SPAN.name, name);
  // 0 says nothing in OTLP, and is the first kind of the API.
  writer.integer(SPAN.kind, kind + 1);
  writer.fixed64Product(SPAN.startTimeUnixNano, startMicros, NANOS_PER_MICRO);
  writer.fixed64Product(SPAN.endTimeUnixNano, Math.max(startMicros, endMicros), NANOS_PER_MICRO);
  writeAttributes(SPAN.attributes, attributes);
  if ("error.type" in attributes) {
    const status = writer.open(SPAN.status);
    writer.integer(STATUS.code, SpanStatusCode.ERROR);
    writer.close(status);
  }
  const isRemote = parentId !== undefined && hasRemoteParent;
  writer.fixed32(SPAN.flags, SAMPLED | HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0));
}

function writeAttributes(field: number, attributes: Attributes): void {
  for (const name in attributes) {
    const value = attributes[name];
    if (value === undefined) continue;
    const pair = writer.open(field);
    writer.text(KEY_VALUE.key, name);
    const start = writer.open(KEY_VALUE.value);
    writeValue(value);
    writer.close(start);
    writer.close(pair);
  }
}

function writeValue(value: Attributes[string]): void {
  if (typeof value === "string") writer.text(ANY_VALUE.string, value);
  else if (typeof value === "boolean") writer.integer(ANY_VALUE.bool, value ? 1 : 0);
  else if (typeof value === "number") writer.integer(ANY_VALUE.int, value);
  else writer.double(ANY_VALUE.double, value.seconds);
}

/** Whose spans a process sends. */
export interface SpanOrigin {
  readonly resource: Attributes;
  readonly scope: { readonly name: string; readonly version: string };
}

/** A request with spans of one process. */
export function encodeRequest(
  { resource, scope }: SpanOrigin,
  spans: readonly EndedSpan[],
): Uint8Array {
  const prefix = encoded(() => {
    const start = writer.open(RESOURCE_SPANS.resource);
    writeAttributes(RESOURCE.attributes, resource);
    writer.close(start);
  });
  const head = encoded(() => {
    const start = writer.open(SCOPE_SPANS.scope);
    writer.text(SCOPE.name, scope.name);
    writer.text(SCOPE.version, scope.version);
    writer.close(start);
  });
  const scopeSpans = delimited(RESOURCE_SPANS.scopeSpans, [head, ...spans]);
  return Buffer.concat(delimited(REQUEST.resourceSpans, [prefix, ...scopeSpans]));
}

function encoded(write: () => void): Uint8Array {
  writer.begin();
  write();
  return writer.finish();
}

/** The parts of a message, behind the tag of its field and its length. */
function delimited(field: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [encoded(() => writer.head(field, length)), ...parts];
}
