/**
 * The keys of one object of ours in a bucket of S3.
 *
 * Below `KIND/DIGEST/` are its content under a name that is never used again, and empty objects that say something
 * about it. S3 promises that a list shows all that was stored before, and nothing more is needed: no conditional
 * request, which many services that speak S3 ignore or reject.
 */
import { contentSize, sealedChunks } from "../codec.ts";
import { isDigest } from "../layout.ts";
import { RETENTION_MAX_MS } from "../retentions.ts";
import type { Listing } from "./xml.ts";

/** One stored content of an object. */
interface StoredContent {
  readonly id: string;
  /** Bytes of its sealed chunks. */
  readonly size: number;
  readonly storedAt: Date;
}

/** What is known of one object. */
export interface ObjectState {
  /** The newest first; contents that a node deletes come last. */
  readonly contents: readonly StoredContent[];
  /** The contents that no node deletes. */
  readonly kept: readonly StoredContent[];
  /** Whether a node retains it. */
  readonly isRetained: boolean;
  /** When it was last stored or retained, at the latest. */
  readonly usedAt: Date;
  /** The names of all its keys. */
  readonly names: readonly string[];
}

/** The parts of names below `KIND/DIGEST/`. */
export const names = {
  content: (id: string) => `content-${id}`,
  /** A node deletes this content. Of several nodes, each has its own. */
  deleting: (id: string, node: string) => `deleting-${id}-${node}`,
  retained: (node: string) => `retained-${node}`,
  /** Its time is when the object was last stored. */
  stored: "stored",
} as const;

const ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const CONTENT = new RegExp(`^content-(${ID})$`);
const DELETING = new RegExp(`^deleting-(${ID})-.`);

/** The digests of the objects in a list of keys, with their parts of the list. @param prefix of the kind */
function byDigest({ objects, time }: Listing, prefix: string): Map<string, Listing> {
  const found = new Map<string, Listing>();
  for (const object of objects) {
    const [digest = "", ...rest] = object.key.slice(prefix.length).split("/");
    if (!isDigest(digest) || rest.length !== 1) continue;
    found.set(digest, { objects: [...found.get(digest)?.objects ?? [], object], time });
  }
  return found;
}

/** The same for a list that comes page by page, which may be long. An object is complete when it comes. */
export async function* eachDigest(
  pages: AsyncIterable<Listing>,
  prefix: string,
): AsyncGenerator<readonly (readonly [digest: string, listing: Listing])[]> {
  let rest: Listing = { objects: [], time: new Date() };
  for await (const { objects, time } of pages) {
    const found = [...byDigest({ objects: [...rest.objects, ...objects], time }, prefix)];
    // The next page may have more keys of the last object.
    rest = found.pop()?.[1] ?? { objects: [], time };
    yield found;
  }
  yield [...byDigest(rest, prefix)];
}

/** What a list of the keys of one object says. */
export function stateOf({ objects, time }: Listing): ObjectState {
  const listed = objects.map(({ key, ...object }) => ({
    ...object,
    name: key.split("/").at(-1) ?? "",
  }));
  const dying = new Set(listed.flatMap(({ name }) => DELETING.exec(name)?.[1] ?? []));
  const contents = listed.flatMap(({ name, size, storedAt }) => {
    const id = CONTENT.exec(name)?.[1];
    return id === undefined ? [] : [{ id, size, storedAt }];
  }).toSorted((a, b) => b.storedAt.getTime() - a.storedAt.getTime());
  const kept = contents.filter(({ id }) => !dying.has(id));
  const uses = listed.filter(({ name }) => !name.startsWith("deleting-"));
  const retainedSince = time.getTime() - RETENTION_MAX_MS;
  return {
    contents: [...kept, ...contents.filter(({ id }) => dying.has(id))],
    kept,
    isRetained: uses.some(({ name, storedAt }) =>
      name.startsWith("retained-") && storedAt.getTime() > retainedSince
    ),
    usedAt: new Date(Math.max(...uses.map(({ storedAt }) => latest(storedAt)), 0)),
    names: listed.map(({ name }) => name),
  };
}

/** Bytes of the content in so many sealed bytes. */
export function contentSizeOf(size: number): number {
  return contentSize({ size, chunks: sealedChunks(size) });
}

/** AWS lists times in whole seconds, cut off. */
function latest(time: Date): number {
  const ms = time.getTime();
  return ms % 1000 === 0 ? ms + 999 : ms;
}
