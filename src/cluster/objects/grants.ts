import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";
import { HOLD_OFFER_MS } from "../link/protocol.ts";
import type { ObjectUrls } from "./opened_store.ts";

/** URLs of artifacts that are remembered, and how long one is used before its object is looked for again. */
const URLS_MAX = 10_000;
const URL_AGE_MS = 5 * 60 * 1000;
/** How old a URL becomes that is used while its object is looked for. Its signature is valid for seven days. */
const URL_AGE_MAX_MS = 24 * 60 * 60 * 1000;
/** How long an invocation waits for a URL while the store does not answer: a worker holds its slot meanwhile. */
const LOOK_TIMEOUT_MS = HOLD_OFFER_MS / 5;

/**
 * What a worker needs to read one object: its key in base64, and with S3 a space and a URL. A worker has no credentials
 * for S3, and reads nothing but the artifacts of its invocations.
 */
export type Grant = string;

/** The longest grant, in characters. */
const GRANT_MAX = 4_096;
const KEY_TEXT = /^[A-Za-z0-9+/]{43}=$/;

/** Whether a text is a grant. */
export function isGrant(text: string): boolean {
  const [key = "", url, ...rest] = text.split(" ");
  return text.length <= GRANT_MAX && KEY_TEXT.test(key) && rest.length === 0 &&
    (url === undefined || /^https?:\/\//.test(url) && URL.canParse(url));
}

/** The key of a grant, and its URL. */
export function openGrant(grant: Grant): { readonly key: Uint8Array; readonly url?: string } {
  const [key = "", url] = grant.split(" ");
  return { key: Uint8Array.fromBase64(key), ...url === undefined ? {} : { url } };
}

/** The grants of several objects, by digest. */
export async function grantsOf(
  digests: readonly string[],
  grantOf: (digest: string) => Promise<Grant>,
): Promise<Record<string, Grant>> {
  const grants = await Promise.all(digests.map(grantOf));
  return Object.fromEntries(digests.map((digest, at) => [digest, grants[at] as Grant]));
}

interface KnownUrl {
  readonly url: string;
  readonly at: number;
}

/** A look for an object, and whether an invocation has waited for the look in vain. */
interface Look {
  /** Undefined if the look failed. */
  readonly found: Promise<{ readonly url: string | undefined } | undefined>;
  isSlow: boolean;
}

/** Makes grants. Each invocation on a worker needs two, so URLs are remembered. */
export class Grants {
  readonly #urls = new LRUCache<string, KnownUrl>(entriesUpTo(URLS_MAX));
  readonly #looks = new Map<string, Look>();

  /**
   * @param urls where workers read objects; undefined for a store of which workers need no URLs
   * @param now a clock in milliseconds that only advances
   */
  constructor(
    private readonly keyOf: (digest: string) => Uint8Array,
    private readonly urls: ObjectUrls | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {
    urls?.onMoved((digest) => this.#forget(digest));
  }

  /** While the store does not answer, a grant has the last known URL: the worker may have the object in its cache. */
  async of(digest: string): Promise<Grant> {
    const key = this.keyOf(digest).toBase64();
    const url = this.urls === undefined ? undefined : await this.#urlOf(digest, this.urls);
    return url === undefined ? key : `${key} ${url}`;
  }

  async #urlOf(digest: string, urls: ObjectUrls): Promise<string | undefined> {
    const known = this.#urls.get(digest);
    const ageMs = known === undefined ? Infinity : this.now() - known.at;
    if (ageMs < URL_AGE_MS) return known?.url;
    const look = this.#look(digest, urls);
    if (ageMs < URL_AGE_MAX_MS) return known?.url;
    const found = await inTime(look);
    return found === undefined ? known?.url : found.url;
  }

  #look(digest: string, urls: ObjectUrls): Look {
    const underWay = this.#looks.get(digest);
    if (underWay !== undefined) return underWay;
    const find = async () => {
      try {
        const url = await urls.findUrl(digest);
        // Forgotten meanwhile: the URL may be of the content before.
        if (this.#looks.get(digest) === look) {
          if (url === undefined) this.#urls.delete(digest);
          else this.#urls.set(digest, { url, at: this.now() });
        }
        return { url };
      } catch {
        return undefined;
      } finally {
        if (this.#looks.get(digest) === look) this.#looks.delete(digest);
      }
    };
    const { promise, resolve } = Promise.withResolvers<Awaited<Look["found"]>>();
    const look: Look = { found: promise, isSlow: false };
    this.#looks.set(digest, look);
    find().then(resolve);
    return look;
  }

  #forget(digest: string): void {
    this.#urls.delete(digest);
    this.#looks.delete(digest);
  }
}

/** What a look finds within {@link LOOK_TIMEOUT_MS}; nobody waits again for a look that took longer. */
async function inTime(look: Look): Promise<Awaited<Look["found"]>> {
  if (look.isSlow) return undefined;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => {
    look.isSlow = true;
    resolve(undefined);
  }, LOOK_TIMEOUT_MS);
  try {
    return await Promise.race([look.found, promise]);
  } finally {
    clearTimeout(timer);
  }
}
