/** Copies the blobs that rows reference, and reads them again. */
import { createHash } from "node:crypto";
import { BlobError } from "../blobs/blob_error.ts";
import type { Blobs } from "../blobs/mod.ts";
import type { BlobReader } from "../blobs/volume_blobs.ts";
import { MemoryBudget } from "../blobs/staged_blob.ts";
import { pathOfContent } from "../contents.ts";
import type { Store } from "../mod.ts";

const COPY_STEP_BYTES = 256 * 1024;
const BLOB_COPIES = 4;

/** The copied blobs of one kind. */
interface CopiedBlobs {
  readonly blobs: number;
  readonly bytes: number;
}

/** Blobs of commits and of volumes that were copied; small blobs of volumes are rows. */
export interface BlobCopies {
  readonly commits: CopiedBlobs;
  readonly volumes: CopiedBlobs;
}

/**
 * Copies every blob that a row of the source references, and reads each from the target again. Blobs that the target
 * has are not copied again.
 * @param missing the paths of contents that the source is known to lack
 * @throws BlobError for another blob that is missing or damaged on either side
 */
export async function copyBlobs(
  source: Store,
  target: Blobs,
  missing: ReadonlySet<string>,
): Promise<BlobCopies> {
  const commits = new Counter();
  const seen = new Set<string>();
  for (let after = "";;) {
    const page = await source.read.commits.blobs(after);
    const digests = new Set(page.flatMap(({ digests }) => digests));
    const isNew = (digest: string) =>
      !seen.has(digest) && !missing.has(pathOfContent({ kind: "commit-blobs", digest }));
    await inParallel([...digests].filter(isNew), async (digest) => {
      seen.add(digest);
      const content = await source.commitBlobs.get(digest);
      await target.commitBlobs.put(content);
      await target.commitBlobs.get(digest);
      commits.add(content.length);
    });
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.id;
  }
  const volumes = new Counter();
  // From files of any size: early versions had files for small blobs, too.
  for (let after = "";;) {
    const page = await source.read.volumes.blobs(after, -1);
    await inParallel(page, async ({ digest, size }) => {
      if (missing.has(pathOfContent({ kind: "volume-blobs", digest }))) return;
      if (await source.read.volumes.smallBlob(digest) !== undefined) return;
      await copyVolumeBlob(source, target, digest, size);
      volumes.add(size);
    });
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.digest;
  }
  return { commits, volumes };
}

async function copyVolumeBlob(
  source: Store,
  { volumeBlobs }: Blobs,
  digest: string,
  size: number,
): Promise<void> {
  using reader = await source.volumeBlobs.open(digest, size);
  // Without memory: a small blob of an early version is a file, and no row.
  await using staged = volumeBlobs.stage(new MemoryBudget(0));
  for await (const { at, bytes } of contentOf(reader, size)) await staged.write(at, bytes);
  if (await staged.seal() !== digest) throw new BlobError("volume-blobs", digest, "was changed");
  volumeBlobs.release(await volumeBlobs.publish([staged]));
  using copy = await volumeBlobs.open(digest, size);
  const hash = createHash("sha256");
  for await (const { bytes } of contentOf(copy, size)) hash.update(bytes);
  if (hash.digest("hex") !== digest) {
    throw new BlobError("volume-blobs", digest, "is another one after the copy");
  }
}

async function* contentOf(reader: BlobReader, size: number) {
  for (let at = 0; at < size;) {
    const bytes = await reader.read(at, COPY_STEP_BYTES);
    if (bytes.length === 0) return;
    yield { at, bytes };
    at += bytes.length;
  }
}

class Counter implements CopiedBlobs {
  blobs = 0;
  bytes = 0;

  add(bytes: number): void {
    this.blobs++;
    this.bytes += bytes;
  }
}

async function inParallel<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const left = [...all];
  await Promise.all(Array.from({ length: BLOB_COPIES }, async () => {
    for (let each = left.pop(); each !== undefined; each = left.pop()) await work(each);
  }));
}
