import { randomBytes } from "node:crypto";
import { DataDirError } from "../../store/data_dir.ts";
import type { ServerKeyRow } from "../../store/identity.ts";
import { isSealedEarly, type Sealer } from "../../store/sealing.ts";
import type { Store } from "../../store/mod.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";

const HMAC_KEY_BYTES = 32;
/** The purpose of the pairs that sign access tokens: see `signing_keys.ts`. */
export const SIGNING = "access-token";
/** The purpose, and the id, of the key from which those of objects are derived: of several nodes one makes it. */
const OBJECTS = "objects";

/** The server's own keys, made at its first start and kept under the master key. */
export class ServerKeys {
  constructor(
    private readonly store: Store,
    private readonly sealer: Sealer,
    private readonly ids: Ids,
  ) {}

  /** A random key for {@link SignedTokens}. */
  async hmacKey(purpose: "upload-url" | "page-token" | "user-code"): Promise<Uint8Array> {
    const { value } = await this.#loadOrMake(
      purpose,
      () => Promise.resolve(Uint8Array.from(randomBytes(HMAC_KEY_BYTES))),
    );
    return value;
  }

  async #loadOrMake(purpose: string, make: () => Promise<Uint8Array>) {
    const [newest] = await this.store.read.identity.keys(purpose);
    if (newest !== undefined) return this.#open(newest);
    const id = this.ids.next();
    const value = await make();
    const sealed = this.sealer.seal(value, serverKeyContext({ id, purpose }));
    const createdAt = new Date().toISOString();
    const earlier = await this.store.writeLocked([locks.ofServerKey(purpose)], async (tx) => {
      const [kept] = await tx.identity.keys(purpose);
      if (kept === undefined) {
        await tx.identity.insertKey({ id, purpose, sealed, createdAt, signsFrom: null });
      }
      return kept;
    });
    return earlier === undefined ? { id, value } : this.#open(earlier);
  }

  #open(key: ServerKeyRow) {
    return { id: key.id, value: this.sealer.open(key.sealed, serverKeyContext(key)) };
  }
}

/**
 * The key from which those of objects are derived. It is apart from the master key, so that its rotation leaves objects
 * as they are. Nodes that ask at the same time get the same one.
 */
export async function objectRootKey(store: Store, sealer: Sealer): Promise<Uint8Array> {
  for (;;) {
    const [key] = await store.read.identity.keys(OBJECTS);
    if (key !== undefined) return sealer.open(key.sealed, serverKeyContext(key));
    const made = Uint8Array.from(randomBytes(HMAC_KEY_BYTES));
    const row = {
      id: OBJECTS,
      purpose: OBJECTS,
      createdAt: new Date().toISOString(),
      signsFrom: null,
    };
    const sealed = sealer.seal(made, serverKeyContext(row));
    await store.write((tx) => tx.identity.insertKeyOnce({ ...row, sealed }));
  }
}

/**
 * Checks that the keys of a database open, before it is migrated.
 * @throws SealingError for another master key, DataDirError for the keys of an early version
 */
export function checkServerKeys(keys: readonly ServerKeyRow[], sealer: Sealer): void {
  for (const key of keys) {
    if (key.purpose !== SIGNING && isSealedEarly(key.sealed, HMAC_KEY_BYTES)) {
      throw new DataDirError(
        "Database too old: an early version of invoked 0.1.0 wrote it, before master keys could be " +
          "rotated, and sealed its keys in another form; nothing was changed",
        "start with a new data directory: databases of all later versions open",
      );
    }
    sealer.open(key.sealed, serverKeyContext(key));
  }
}

/** The context that a sealed key of the server is bound to. */
export function serverKeyContext(key: { id: string; purpose: string }): string {
  return `server-key:${key.purpose}:${key.id}`;
}
