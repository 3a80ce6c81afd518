import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";

/** URLs of artifacts that are remembered, and how long one is used before its object is looked for again. */
const URLS_MAX = 10_000;
const URL_AGE_MS = 5 * 60 * 1000;
/** How long an invocation waits for a first URL while the store does not answer. */
const FIRST_URL_TIMEOUT_MS = 5_000;

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

/** Makes grants. Each invocation on a worker needs two, so URLs are remembered. */
export class Grants {
  readonly #urls = new LRUCache<string, KnownUrl>(entriesUpTo(URLS_MAX));
  readonly #looks = new Map<string, Promise<string | undefined>>();

  /**
   * @param findUrl looks where a worker reads an object, which may be missing; undefined for a store of which workers
   * need no URLs
   */
  constructor(
    private readonly keyOf: (digest: string) => Uint8Array,
    private readonly findUrl: ((digest: string) => Promise<string | undefined>) | undefined,
  ) {}

  /** While the store does not answer, a grant has the last known URL: the worker may have the object in its cache. */
  async of(digest: string): Promise<Grant> {
    const key = this.keyOf(digest).toBase64();
    if (this.findUrl === undefined) return key;
    const known = this.#urls.get(digest);
    const isFresh = known !== undefined && performance.now() - known.at < URL_AGE_MS;
    const look = isFresh ? undefined : this.#look(digest, this.findUrl).catch(() => undefined);
    const url = known?.url ?? await inTime(look);
    return url === undefined ? key : `${key} ${url}`;
  }

  #look(
    digest: string,
    findUrl: (digest: string) => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const look = this.#looks.get(digest) ??
      findUrl(digest).then((url) => {
        if (url === undefined) this.#urls.delete(digest);
        else this.#urls.set(digest, { url, at: performance.now() });
        return url;
      }).finally(() => this.#looks.delete(digest));
    this.#looks.set(digest, look);
    return look;
  }
}

/** What a look finds within {@link FIRST_URL_TIMEOUT_MS}. */
async function inTime(look: Promise<string | undefined> | undefined): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), FIRST_URL_TIMEOUT_MS);
  try {
    return await Promise.race([look, promise]);
  } finally {
    clearTimeout(timer);
  }
}
