/** The messages by which an API node gets a report on the loading of a script from a worker. */
import { z } from "zod";
import { READINGS_SHOWN_MAX } from "../../sandbox/contract.ts";
import { Digest, Id, Memory, ObjectGrant, readerOf } from "./messages.ts";

const Request = z.object({
  /** The API node that asks, and the request that the reply names. */
  node: Id,
  id: Id,
  scriptDigest: Digest,
  sourceMapDigest: Digest,
  memoryBytes: Memory.optional(),
  /** Grants of the objects, by digest. */
  keys: z.record(Digest, ObjectGrant),
});

/** An API node asks a worker to load a script. It is sealed: it has keys. */
type LoadRequestMessage = Readonly<z.infer<typeof Request>>;

const POSITION_MAX_UNITS = 1_024;
const NAME_MAX_UNITS = 256;
const ERROR_MAX_UNITS = 4_096;

const Reply = z.object({
  /** Absent if the worker cannot load scripts for reports. */
  report: z.object({
    loadMs: z.number().min(0).max(Number.MAX_SAFE_INTEGER),
    start: z.enum(["template", "each invocation", "fast"]),
    readings: z.array(z.object({
      position: z.string().max(POSITION_MAX_UNITS),
      called: z.string().max(NAME_MAX_UNITS),
      functionName: z.string().max(NAME_MAX_UNITS).exactOptional(),
    })).max(READINGS_SHOWN_MAX).readonly(),
    error: z.string().max(ERROR_MAX_UNITS).exactOptional(),
  }).optional(),
});

/** A worker's answer. */
type LoadReply = Readonly<z.infer<typeof Reply>>;

export function encodeLoadMessage(
  message: LoadRequestMessage | LoadReply,
): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** Reads an opened request. */
export const readLoadRequest = readerOf(Request, "a request for a report");

/** A worker is hostile. */
export const readLoadReply = readerOf(Reply, "a report");
