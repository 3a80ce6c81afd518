/** Limits of large replies to host calls: those with content that is read from the store to be sent. */
import { formatBytes } from "../../config/mod.ts";
import { HostCallError } from "../contract.ts";

/** Most content of one reply. An invocation sends such replies one after another, so it is the limit of an invocation, too. */
export const REPLY_CONTENT_MAX_BYTES = 64 * 1024 * 1024;
/** Most content of all replies of the server that is in memory. Further replies wait. */
export const REPLIES_CONTENT_MAX_BYTES = 256 * 1024 * 1024;

/** @throws HostCallError for a content that exceeds the limit of one reply */
export function checkReplyContent(bytes: number): void {
  if (bytes <= REPLY_CONTENT_MAX_BYTES) return;
  throw new HostCallError(
    "RESOURCE_EXHAUSTED",
    `Reply too large: it has ${formatBytes(bytes)}, and the limit of one host call is ` +
      formatBytes(REPLY_CONTENT_MAX_BYTES),
  );
}
