/** Reads the spans of requests in OTLP (https://github.com/open-telemetry/opentelemetry-proto), in Protobuf. */
import assert from "node:assert/strict";

type Value = string | number | boolean;

/** A span as a collector gets it. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: "INTERNAL" | "SERVER" | "CLIENT";
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, Value>>;
  /** Names of the attributes that are floating-point numbers. */
  readonly doubles: readonly string[];
  readonly isError: boolean;
  readonly flags: number;
  readonly resource: Readonly<Record<string, Value>>;
}

const KINDS: Readonly<Record<number, Span["kind"]>> = { 1: "INTERNAL", 2: "SERVER", 3: "CLIENT" };
const ERROR = 2n;

/** The spans of a request. */
export function spansIn(request: Uint8Array): Span[] {
  return new Message(request).messages(1).flatMap((resourceSpans) => {
    const [resource] = resourceSpans.messages(1);
    const attributes = attributesOf(resource?.messages(1) ?? []);
    return resourceSpans.messages(2).flatMap((scope) =>
      scope.messages(2).map((span) => spanOf(span, attributes))
    );
  });
}

function spanOf(span: Message, resource: Span["resource"]): Span {
  const kind = KINDS[Number(span.number(6))];
  assert.ok(kind !== undefined, `kind ${span.number(6)}`);
  return {
    traceId: span.bytes(1).toHex(),
    spanId: span.bytes(2).toHex(),
    parentId: span.bytes(4).toHex(),
    name: span.text(5),
    kind,
    start: span.number(7),
    end: span.number(8),
    attributes: attributesOf(span.messages(9)),
    doubles: span.messages(9).filter((pair) => pair.messages(2)[0]?.has(4)).map((pair) =>
      pair.text(1)
    ),
    isError: span.messages(15).some((status) => status.number(3) === ERROR),
    flags: Number(span.number(16)),
    resource,
  };
}

function attributesOf(pairs: readonly Message[]): Record<string, Value> {
  return Object.fromEntries(pairs.map((pair) => {
    const [value] = pair.messages(2);
    assert.ok(value !== undefined);
    return [pair.text(1), valueOf(value)];
  }));
}

function valueOf(value: Message): Value {
  if (value.has(1)) return value.text(1);
  if (value.has(2)) return value.number(2) !== 0n;
  if (value.has(3)) return Number(BigInt.asIntN(64, value.number(3)));
  return value.double(4);
}

/** The fields of a message by their numbers. */
class Message {
  readonly #fields = new Map<number, (bigint | Uint8Array)[]>();

  constructor(bytes: Uint8Array) {
    let at = 0;
    const varint = () => {
      let [value, shift] = [0n, 0n];
      for (;; shift += 7n) {
        const byte = BigInt(bytes[at++] as number);
        value |= (byte & 0x7fn) << shift;
        if (byte < 0x80n) return value;
      }
    };
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    while (at < bytes.length) {
      const tag = Number(varint());
      let value: bigint | Uint8Array;
      switch (tag & 7) {
        case 0:
          value = varint();
          break;
        case 1:
          value = view.getBigUint64(at, true);
          at += 8;
          break;
        case 2: {
          const length = Number(varint());
          value = bytes.subarray(at, at += length);
          break;
        }
        case 5:
          value = BigInt(view.getUint32(at, true));
          at += 4;
          break;
        default:
          throw new Error(`wire type ${tag & 7}`);
      }
      const number = tag >> 3;
      this.#fields.set(number, [...this.#fields.get(number) ?? [], value]);
    }
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }

  messages(field: number): Message[] {
    return (this.#fields.get(field) ?? []).map((value) => new Message(value as Uint8Array));
  }

  bytes(field: number): Uint8Array {
    return this.#fields.get(field)?.[0] as Uint8Array | undefined ?? new Uint8Array();
  }

  text(field: number): string {
    return new TextDecoder().decode(this.bytes(field));
  }

  number(field: number): bigint {
    return this.#fields.get(field)?.[0] as bigint | undefined ?? 0n;
  }

  double(field: number): number {
    const bits = new DataView(new ArrayBuffer(8));
    bits.setBigUint64(0, this.number(field));
    return bits.getFloat64(0);
  }
}
