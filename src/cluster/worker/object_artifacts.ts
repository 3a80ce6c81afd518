import { LRUCache } from "lru-cache";
import type { ArtifactSource } from "../../engine/contract.ts";
import { entriesUpTo } from "../../shared/entries.ts";
import { type Grant, openGrant } from "../objects/grants.ts";
import type { OpenReader } from "../objects/artifact_readers.ts";

/** The grant of an artifact, and how many jobs and lists of scripts need it. */
interface KnownGrant {
  grant: Grant;
  uses: number;
}

/** How long a grant is known after its last use, and how many such grants: a template is made after its invocation. */
const LEFT_GRANT_MS = 600_000;
const LEFT_GRANTS_MAX = 1_000;

/**
 * How long an artifact may take, with all repeated requests, while its invocation holds a slot. The owner gives up later,
 * so that the invocation ends with the reason.
 */
const READ_TIMEOUT_MS = 20_000;

/**
 * Artifacts as objects, which stay on the disk of the worker, sealed. Their grants come with sealed jobs, and are known
 * as long as one that came with them needs them, and for a while afterwards.
 */
export class ObjectArtifacts implements ArtifactSource {
  readonly #grants = new Map<string, KnownGrant>();
  readonly #leftGrants = new LRUCache<string, Grant>({
    ...entriesUpTo(LEFT_GRANTS_MAX),
    ttl: LEFT_GRANT_MS,
  });
  readonly #reads = new Map<string, Promise<string>>();

  constructor(private readonly readerOf: OpenReader) {}

  /** Lets these artifacts be read until the result is disposed. @param grants by digest */
  unlock(grants: Readonly<Record<string, Grant>>): Disposable {
    for (const [digest, grant] of Object.entries(grants)) {
      const uses = (this.#grants.get(digest)?.uses ?? 0) + 1;
      // The newest URL: an object that was stored again has another one.
      this.#grants.set(digest, { grant, uses });
    }
    return {
      [Symbol.dispose]: () => {
        for (const digest of Object.keys(grants)) {
          const known = this.#grants.get(digest);
          if (known === undefined || --known.uses > 0) continue;
          this.#grants.delete(digest);
          this.#leftGrants.set(digest, known.grant);
        }
      },
    };
  }

  /** @throws ObjectError, ObjectsUnavailable */
  async text(digest: string): Promise<string> {
    const reading = this.#reads.get(digest) ??
      this.#read(digest).finally(() => this.#reads.delete(digest));
    this.#reads.set(digest, reading);
    return await reading;
  }

  async #read(digest: string): Promise<string> {
    const grant = this.#grants.get(digest)?.grant ?? this.#leftGrants.get(digest);
    if (grant === undefined) throw new Error(`No job has the key of artifact ${digest}`);
    const { key, url } = openGrant(grant);
    const reader = this.readerOf(url, AbortSignal.timeout(READ_TIMEOUT_MS));
    return new TextDecoder().decode(await reader.read(digest, key));
  }
}
