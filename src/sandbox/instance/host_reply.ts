/** Replies to host calls as they are written to an instance. */
import { concatenate } from "../../shared/bytes.ts";
import { HOST_REPLY_HEAD_BYTES } from "../../runtime/wire.ts";
import type { DeferredContent } from "../../shared/content.ts";
import { encodeJson, type JsonPart } from "../../shared/embedded_json.ts";
import type { HostReply } from "../contract.ts";

/** A reply in memory, or one with content that is read when it is sent. */
export type EncodedReply =
  | { readonly kind: "whole"; readonly bytes: Uint8Array<ArrayBuffer> }
  | {
    readonly kind: "deferred";
    readonly parts: readonly (Uint8Array | DeferredContent)[];
    /** Bytes of the content to read. */
    readonly contentBytes: number;
  };

const encoder = new TextEncoder();

/** Encodes the head, the JSON and the bare bytes of a reply. */
export function encodeReply(
  number: number,
  status: number,
  { value = null, bytes = new Uint8Array() }: HostReply,
): EncodedReply {
  const json = encodeJson(value).map(bytesOf);
  const head = new Uint8Array(HOST_REPLY_HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(0, number);
  view.setUint8(4, status);
  view.setUint32(5, lengthOf(json));
  view.setUint32(9, bytes.length);
  const parts = [head, ...json, bytes];
  const deferred = parts.filter(isDeferred);
  return deferred.length === 0
    ? { kind: "whole", bytes: concatenate(parts as Uint8Array[]) }
    : { kind: "deferred", parts, contentBytes: lengthOf(deferred) };
}

/** A copy of at most so many bytes from an offset on, so that the parts may go while it is written. */
export function pieceAt(
  parts: readonly Uint8Array[],
  offset: number,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  let rest = offset;
  for (const part of parts) {
    if (rest < part.length) return new Uint8Array(part.subarray(rest, rest + maxBytes));
    rest -= part.length;
  }
  throw new RangeError(
    `Cannot write a reply from byte ${offset} on: its content has become shorter`,
  );
}

/** Bytes of all parts together. */
export function lengthOf(parts: readonly { readonly byteLength: number }[]): number {
  return parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function bytesOf(part: JsonPart): Uint8Array | DeferredContent {
  return typeof part === "string" ? encoder.encode(part) : part;
}

function isDeferred(part: Uint8Array | DeferredContent): part is DeferredContent {
  return !(part instanceof Uint8Array);
}
