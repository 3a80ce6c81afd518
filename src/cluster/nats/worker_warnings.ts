import { getLogger } from "@logtape/logtape";
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";

const logger = getLogger(["invoked", "cluster"]);

/** How often one message about one worker is logged. */
const INTERVAL_MS = 60_000;
const WARNINGS_MAX = 10_000;

const warned = new LRUCache<string, true>({ ...entriesUpTo(WARNINGS_MAX), ttl: INTERVAL_MS });

/**
 * Logs what is wrong with something that a worker sent, once a minute for each worker and message: a hostile worker must
 * not fill the log.
 * @param message names `{worker}`
 */
export function warnOf(
  worker: string,
  message: string,
  properties: Readonly<Record<string, unknown>> = {},
): void {
  const name = `${worker} ${message}`;
  if (warned.has(name)) return;
  warned.set(name, true);
  logger.warn(message, { ...properties, worker });
}
