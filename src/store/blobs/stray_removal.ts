import { getLogger } from "@logtape/logtape";
import type { ObjectBucket } from "../../shared/objects.ts";

const logger = getLogger(["invoked", "store"]);

/** Removes leftovers of interrupted work. A failure only leaves them: the collection that follows needs no such removal. */
export async function removeStrays(bucket: ObjectBucket): Promise<void> {
  try {
    await bucket.removeStrays();
  } catch (error) {
    logger.warn("Failed to remove what interrupted work has left in {bucket}: {error}", {
      bucket: bucket.name,
      error,
    });
  }
}
