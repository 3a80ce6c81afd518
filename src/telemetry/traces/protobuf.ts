/**
 * Writes messages in Protobuf (https://protobuf.dev/programming-guides/encoding/). The serializer of OpenTelemetry's
 * packages takes five times as long for a span, which is more than a sampled invocation may cost.
 */

/** Most bytes of one varint. */
const VARINT_BYTES_MAX = 10;
/** A longer text is encoded by the runtime, whose call costs more than the loop. */
const LOOP_UNITS_MAX = 64;
const TWO_TO_31 = 2 ** 31;
const TWO_TO_32 = 2 ** 32;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const encoder = new TextEncoder();

/** Values of hexadecimal digits by their codes. */
const HEX_VALUES = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const value = parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 0 : value;
});

/** A buffer that grows, and the position in it. Numbers of fields are below 16, or below 2,048 for a longer tag. */
export class ProtobufWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  /** Begins a new message. */
  begin(): void {
    this.#at = 0;
  }

  /** A copy of the message. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  /** Begins the message in a field; returns what {@link close} needs. */
  open(field: number): number {
    this.#tag(field, LENGTH_DELIMITED);
    return ++this.#at;
  }

  /** Ends a message. Most messages are so short that their length is one byte; a longer one moves. */
  close(start: number): void {
    const end = this.#at;
    const length = end - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    this.#reserve(VARINT_BYTES_MAX);
    this.#at = start - 1;
    const content = start - 1 + varintBytes(length);
    this.#bytes.copyWithin(content, start, end);
    this.#varint(length);
    this.#at = content + length;
  }

  /** Writes what precedes a message of this length, which somebody else writes. */
  head(field: number, length: number): void {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(length);
  }

  text(field: number, text: string): void {
    const start = this.open(field);
    this.#utf8(text);
    this.close(start);
  }

  /** Bytes in hexadecimal digits. */
  hex(field: number, digits: string): void {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(digits.length / 2);
    this.#reserve(digits.length / 2);
    for (let at = 0; at < digits.length; at += 2) {
      const high = HEX_VALUES[digits.charCodeAt(at)] as number;
      const low = HEX_VALUES[digits.charCodeAt(at + 1)] as number;
      this.#bytes[this.#at++] = high * 16 + low;
    }
  }

  /** A whole number that is not negative. */
  integer(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED64);
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, FIXED32);
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** The product of two whole numbers, which may exceed what a number can hold. @param factor below 2 ** 20 */
  fixed64Product(field: number, value: number, factor: number): void {
    this.#tag(field, FIXED64);
    this.#reserve(8);
    const high = Math.floor(value / TWO_TO_32);
    const low = (value - high * TWO_TO_32) * factor;
    const carried = Math.floor(low / TWO_TO_32);
    this.#view.setUint32(this.#at, low - carried * TWO_TO_32, true);
    this.#view.setUint32(this.#at + 4, high * factor + carried, true);
    this.#at += 8;
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    let rest = value;
    for (; rest >= TWO_TO_31; rest = Math.floor(rest / 0x80)) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
    }
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#at++] = rest & 0x7f | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  #utf8(text: string): void {
    this.#reserve(3 * text.length);
    if (text.length <= LOOP_UNITS_MAX && this.#ascii(text)) return;
    this.#at += encoder.encodeInto(text, this.#bytes.subarray(this.#at)).written;
  }

  /** False, and nothing written, for a text with other characters. */
  #ascii(text: string): boolean {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code >= 0x80) return false;
      this.#bytes[this.#at + at] = code;
    }
    this.#at += text.length;
    return true;
  }

  /** Makes space for more bytes. */
  #reserve(more: number): void {
    if (this.#at + more + 1 <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * (this.#at + more + 1));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}
