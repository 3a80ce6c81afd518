/** When credentials were last used. */
import { getLogger } from "@logtape/logtape";
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";
import type { Store } from "../../store/mod.ts";

const logger = getLogger(["invoked", "identity"]);

/** Credentials whose last use is kept in memory. Beyond it the least recent one is written again at its next use. */
const CREDENTIALS_MAX = 10_000;
/** How exact the time is: a node writes the use of a credential no more often. */
const INTERVAL_MS = 60_000;

/** Notes uses without making anybody wait: a lost note is no harm, the next use makes another. */
export class CredentialUses {
  readonly #notedAtMs = new LRUCache<string, number>(entriesUpTo(CREDENTIALS_MAX));

  constructor(private readonly store: Store) {}

  note(credentialId: string): void {
    const nowMs = Date.now();
    const elapsedMs = nowMs - (this.#notedAtMs.get(credentialId) ?? -Infinity);
    // A clock that was set back makes it negative.
    if (elapsedMs >= 0 && elapsedMs < INTERVAL_MS) return;
    this.#notedAtMs.set(credentialId, nowMs);
    const time = new Date(nowMs).toISOString();
    this.store.write((tx) => tx.identity.noteUse(credentialId, time)).catch((error) => {
      logger.warning("The use of credential {credentialId} was not noted: {error}", {
        credentialId,
        error,
      });
    });
  }
}
