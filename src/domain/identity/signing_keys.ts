/**
 * The keys that sign access tokens. A rotation publishes a key first and lets it sign later, when every node, and every
 * verifier that keeps the key set for a while, knows it. The earlier keys verify until all of their tokens have expired.
 */
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { setTimeout } from "node:timers/promises";
import type { ServerKeyRow } from "../../store/identity.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Sealer } from "../../store/sealing.ts";
import { DomainError } from "../errors.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import type { ExpiredOfKind } from "../retention/erasure.ts";
import { serverKeyContext, SIGNING } from "./server_keys.ts";

/** No access token lives longer: the upper bound of `--token-lifetime`. */
export const TOKEN_LIFETIME_MAX_MS = 24 * 60 * 60 * 1000;
/** Keys that exist at a time. Tokens in headers are compared with each of them. */
const SIGNING_KEYS_MAX = 10;
/** How often the keys are read again for strangers: for a key id that no key has, and for the key set. */
const READ_AGAIN_MS = 250;

/** An Ed25519 pair that signs access tokens. */
export interface SigningKey {
  /** The `kid` of its tokens. */
  readonly id: string;
  readonly createdAt: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly publicJwk: JWK;
  readonly signsFromMs: number;
  /** Infinity for the key that signs last. */
  readonly verifiesUntilMs: number;
}

/** The pair of a key, as long as the key exists. */
type Pair = Pick<SigningKey, "privateKey" | "publicKey" | "publicJwk">;

/** The keys as one read of the database found them, newest first. */
class KeyRing {
  constructor(private readonly keys: readonly SigningKey[]) {}

  /** The key that signs now: the newest whose time has come, or the oldest after the clock was set back. */
  get signing(): SigningKey {
    const now = Date.now();
    const key = this.keys.find(({ signsFromMs }) => signsFromMs <= now) ?? this.keys.at(-1);
    if (key === undefined) throw new Error("The database has no key for access tokens");
    return key;
  }

  /** The key with this id, if its tokens are valid; undefined otherwise. */
  find(id: string): SigningKey | undefined {
    return this.keys.find((key) => key.id === id && Date.now() < key.verifiesUntilMs);
  }

  /** The keys whose tokens are valid now or later, newest first. */
  get valid(): readonly SigningKey[] {
    return this.keys.filter(({ verifiesUntilMs }) => Date.now() < verifiesUntilMs);
  }
}

/** What a rotation does with the earlier keys. */
export type Rotation =
  /** They sign for this time, and verify until their tokens have expired. */
  | { readonly kind: "overlap"; readonly signsAfterMs: number }
  /** They are deleted, and all of their tokens are invalid at once: for a key that somebody else may have. */
  | { readonly kind: "revoke" };

/** Reads and rotates the keys that sign access tokens. */
export class SigningKeys {
  /** The pairs of the keys that exist, by id: a pair is decrypted once. */
  readonly #pairs = new Map<string, Promise<Pair>>();
  readonly #rings = new WeakMap<readonly ServerKeyRow[], Promise<KeyRing>>();
  #latest: KeyRing;
  #readAtMs = -Infinity;
  #readingAgain: Promise<KeyRing> | undefined;

  private constructor(
    private readonly store: Store,
    private readonly sealer: Sealer,
    private readonly ids: Ids,
  ) {
    this.#latest = new KeyRing([]);
  }

  /** Makes the first key, if the database has none. */
  static async open(store: Store, sealer: Sealer, ids: Ids): Promise<SigningKeys> {
    const keys = new SigningKeys(store, sealer, ids);
    if ((await store.read.identity.keys(SIGNING)).length === 0) await keys.#insertFirst();
    await keys.exact();
    return keys;
  }

  /** Of several nodes that start at the same time, one inserts its key. */
  async #insertFirst(): Promise<void> {
    const made = await this.#make();
    await this.store.writeLocked([locks.ofServerKey(SIGNING)], async (tx) => {
      const kept = await tx.identity.keys(SIGNING);
      if (kept.length === 0) await tx.identity.insertKey({ ...made, ...atOnce(new Date()) });
    });
  }

  /**
   * The keys as they are now, at every node. Like other rows that are kept in memory, they are read again only after a
   * change: see {@link RowCache}.
   */
  async exact(): Promise<KeyRing> {
    const rows = await this.store.read.identity.keys(SIGNING);
    let ring = this.#rings.get(rows);
    if (ring === undefined) {
      ring = this.#ringOf(rows);
      this.#rings.set(rows, ring);
    }
    this.#latest = await ring;
    this.#readAtMs = performance.now();
    return this.#latest;
  }

  /** The keys as of {@link READ_AGAIN_MS} ago or later, however often strangers ask. */
  async recent(): Promise<KeyRing> {
    const isRecent = performance.now() - this.#readAtMs < READ_AGAIN_MS;
    return isRecent ? this.#latest : await this.exact();
  }

  /**
   * The key of a token whose signature is not checked yet. Another node may have made a key that this node does not know:
   * then the keys are read again, once per {@link READ_AGAIN_MS} for all who wait, so that forged ids cost few reads.
   */
  async find(id: string): Promise<SigningKey | undefined> {
    return await this.#findIn((ring) => ring.find(id));
  }

  /** Whether one of the ids is the id of a key whose tokens are valid; unknown ids cost what {@link find} says. */
  async hasAny(ids: ReadonlySet<string>): Promise<boolean> {
    if (ids.size === 0) return false;
    return await this.#findIn((ring) => ring.valid.find(({ id }) => ids.has(id))) !== undefined;
  }

  async #findIn(
    find: (ring: KeyRing) => SigningKey | undefined,
  ): Promise<SigningKey | undefined> {
    const known = find(this.#latest);
    if (known !== undefined) return known;
    this.#readingAgain ??= this.#readAgain();
    return find(await this.#readingAgain);
  }

  async #readAgain(): Promise<KeyRing> {
    try {
      await setTimeout(Math.max(0, this.#readAtMs + READ_AGAIN_MS - performance.now()));
    } finally {
      // A request from now on may be for a key that this read does not see.
      this.#readingAgain = undefined;
    }
    return await this.exact();
  }

  /**
   * Makes a new key. All nodes know it at once, because they compare the count of changes at each check of a token.
   * @returns the keys, newest first
   * @throws SIGNING_KEY_LIMIT
   */
  async rotate(rotation: Rotation): Promise<readonly SigningKey[]> {
    const made = await this.#make();
    await this.store.writeLocked([locks.ofServerKey(SIGNING)], async (tx) => {
      const kept = await tx.identity.keys(SIGNING);
      // The order of keys is that of their times, also on nodes whose clocks differ.
      const newestMs = Date.parse(kept[0]?.createdAt ?? "");
      const created = new Date(Math.max(Date.now(), (newestMs || 0) + 1));
      if (rotation.kind === "revoke") {
        await tx.identity.deleteKeys(kept.map(({ id }) => id));
        return await tx.identity.insertKey({ ...made, ...atOnce(created) });
      }
      const ended = await deleteEnded(tx, kept);
      assertBelowLimit(kept.length - ended, kept);
      await tx.identity.insertKey({
        ...made,
        createdAt: created.toISOString(),
        signsFrom: new Date(created.getTime() + rotation.signsAfterMs).toISOString(),
      });
    });
    return (await this.exact()).valid;
  }

  /** A new key, sealed, without its times. */
  async #make(): Promise<Pick<ServerKeyRow, "id" | "purpose" | "sealed">> {
    const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
    const value = new TextEncoder().encode(JSON.stringify(await exportJWK(privateKey)));
    const key = { id: this.ids.next(), purpose: SIGNING };
    return { ...key, sealed: this.sealer.seal(value, serverKeyContext(key)) };
  }

  async #ringOf(rows: readonly ServerKeyRow[]): Promise<KeyRing> {
    const pairs = await Promise.all(rows.map((row) => this.#pairOf(row)));
    for (const id of this.#pairs.keys()) {
      if (!rows.some((row) => row.id === id)) this.#pairs.delete(id);
    }
    const times = timesOf(rows);
    return new KeyRing(rows.map(({ id, createdAt }, at) => ({
      id,
      createdAt,
      ...pairs[at] as Pair,
      ...times[at] as KeyTimes,
    })));
  }

  #pairOf(row: ServerKeyRow): Promise<Pair> {
    let pair = this.#pairs.get(row.id);
    if (pair === undefined) {
      pair = importPair(this.sealer.open(row.sealed, serverKeyContext(row)));
      this.#pairs.set(row.id, pair);
    }
    return pair;
  }
}

/** Deletes the keys whose tokens have all expired, so that nobody can sign with them again. Answers their number. */
export async function deleteEndedKeys(tx: Writers): Promise<number> {
  return await deleteEnded(tx, await tx.identity.keys(SIGNING));
}

/** The keys that {@link deleteEndedKeys} would delete at a time. */
export async function expiredKeys(
  { read }: Pick<Store, "read">,
  nowMs: number,
): Promise<ExpiredOfKind> {
  const rows = await read.identity.keys(SIGNING);
  const times = timesOf(rows).map(({ verifiesUntilMs }) => verifiesUntilMs)
    .filter((ms) => ms <= nowMs).map((ms) => new Date(ms).toISOString()).sort();
  const setting = "24 h after their last signature";
  return {
    kind: "signing_keys",
    setting,
    count: times.length,
    oldest: times[0],
    newest: times.at(-1),
  };
}

async function deleteEnded(tx: Writers, rows: readonly ServerKeyRow[]): Promise<number> {
  const times = timesOf(rows);
  const ended = rows.filter((_, at) => Date.now() >= (times[at]?.verifiesUntilMs ?? Infinity));
  await tx.identity.deleteKeys(ended.map(({ id }) => id));
  return ended.length;
}

type KeyTimes = Pick<SigningKey, "signsFromMs" | "verifiesUntilMs">;

/** The times of keys. A key signs until a newer one does; its last token then expires within the longest lifetime. */
function timesOf(newestFirst: readonly ServerKeyRow[]): readonly KeyTimes[] {
  let nextSignsFromMs = Infinity;
  return newestFirst.map(({ signsFrom }) => {
    const signsFromMs = signsFrom === null ? -Infinity : Date.parse(signsFrom);
    const verifiesUntilMs = nextSignsFromMs + TOKEN_LIFETIME_MAX_MS;
    nextSignsFromMs = Math.min(nextSignsFromMs, signsFromMs);
    return { signsFromMs, verifiesUntilMs };
  });
}

/** The times of a key that signs from its creation. */
function atOnce(created: Date): Pick<ServerKeyRow, "createdAt" | "signsFrom"> {
  return { createdAt: created.toISOString(), signsFrom: null };
}

/** @throws SIGNING_KEY_LIMIT */
function assertBelowLimit(count: number, rows: readonly ServerKeyRow[]): void {
  if (count < SIGNING_KEYS_MAX) return;
  const nextMs = Math.min(
    ...timesOf(rows).map(({ verifiesUntilMs }) => verifiesUntilMs)
      .filter((ms) => ms > Date.now()),
  );
  const when = nextMs === Infinity
    ? ""
    : `; the next one ends at ${new Date(nextMs).toISOString()}`;
  throw new DomainError(
    "SIGNING_KEY_LIMIT",
    `Signing key not rotated: the server has ${count} signing keys, the most that it keeps${when}; ` +
      "wait until then, or delete all of them with revokeOld",
  );
}

async function importPair(value: Uint8Array): Promise<Pair> {
  const jwk = JSON.parse(new TextDecoder().decode(value)) as JWK;
  const { kty, crv, x } = jwk;
  const publicJwk = { kty, crv, x } as JWK;
  return { privateKey: await importKey(jwk), publicKey: await importKey(publicJwk), publicJwk };
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, "EdDSA");
  if (key instanceof Uint8Array) throw new TypeError("The signing key is symmetric");
  return key;
}
