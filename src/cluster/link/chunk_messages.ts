/** The messages by which a worker gets the sealed chunks of artifacts from an API node. */
import { z } from "zod";
import { UNAVAILABLE } from "../../shared/objects.ts";
import { Digest, readerOf } from "./messages.ts";
import { BrokenProtocol } from "./receiver.ts";

/**
 * How long a worker waits for a reply before it asks again, which may reach another API node: NATS knows for seconds
 * nothing of a node that hangs, and the 20 s of an artifact must hold many attempts.
 */
export const CHUNK_REQUEST_MS = 2_500;
/** How long an API node reads before it replies that it has no chunk yet. */
export const CHUNK_REPLY_MS = 2_000;

const Request = z.object({
  digest: Digest,
  /** Of the chunk in the object. */
  index: z.int().min(0).max(0xffff_ffff),
});

/** Asks for one chunk of an artifact. */
export type ChunkRequest = Readonly<z.infer<typeof Request>>;

/** A chunk as it is stored, what is wrong with its object, or why the object store has no answer for now. */
export type ChunkReply =
  | { readonly kind: "chunk"; readonly bytes: Uint8Array }
  | { readonly kind: "damaged"; readonly damage: string }
  | { readonly kind: "unavailable"; readonly code: keyof typeof UNAVAILABLE };

/** The first byte of a reply; a chunk, a damage or a code follows. */
const KINDS = ["chunk", "damaged", "unavailable"] as const;

export function encodeChunkRequest(request: ChunkRequest): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(request));
}

/** A worker is hostile. */
export const readChunkRequest = readerOf(Request, "a request for a chunk");

export function encodeChunkReply(reply: ChunkReply): Uint8Array<ArrayBuffer> {
  const content = reply.kind === "chunk"
    ? reply.bytes
    : new TextEncoder().encode(reply.kind === "damaged" ? reply.damage : reply.code);
  const bytes = new Uint8Array(1 + content.length);
  bytes[0] = KINDS.indexOf(reply.kind);
  bytes.set(content, 1);
  return bytes;
}

/** @throws BrokenProtocol */
export function readChunkReply(bytes: Uint8Array): ChunkReply {
  const kind = KINDS[bytes[0] ?? KINDS.length];
  const content = bytes.slice(1);
  if (kind === "chunk") return { kind, bytes: content };
  const text = new TextDecoder().decode(content);
  if (kind === "damaged") return { kind, damage: text };
  if (kind === "unavailable" && text in UNAVAILABLE) {
    return { kind, code: text as keyof typeof UNAVAILABLE };
  }
  throw new BrokenProtocol("a reply with a chunk cannot be read");
}
