/** Takes a backup of a snapshot and its contents. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sizeOf } from "../../shared/files.ts";
import { BlobError } from "../blobs/blob_error.ts";
import {
  checkedBytes,
  CONTENT_KINDS,
  type ContentRef,
  type Contents,
  contentsOf,
  pathOfContent,
} from "../contents.ts";
import type { Sealer } from "../sealing.ts";
import { BackupError } from "./backup_error.ts";
import { bytesOfFile, digestOfBytes, digestOfFile } from "./digests.ts";
import {
  DATABASE_FILE,
  lineOf,
  LIST_FILE,
  type ListedDamage,
  type ListedFile,
  MANIFEST_FILE,
  manifestText,
  MISSING_MAX,
} from "./manifest.ts";
import type { BackupTarget, EarlierContent } from "./targets.ts";

/** What a backup is made of. */
interface BackupParts {
  /** The copy of the database. */
  readonly snapshot: string;
  readonly createdAt: string;
  readonly source: "sqlite" | "postgresql";
  readonly contents: Contents;
  readonly sealer: Sealer;
  /** Files that reveal secrets, by their paths in the backup; undefined for a backup without keys. */
  readonly keys: ReadonlyMap<string, Uint8Array> | undefined;
  /** A directory for the list, until the end. */
  readonly workDir: string;
}

/** What was backed up. */
export interface BackupReport {
  readonly path: string;
  readonly createdAt: string;
  readonly contents: number;
  /** Contents that were written; an earlier backup in the folder has the others. */
  readonly newContents: number;
  /** New contents that an earlier backup in the folder had, but changed. */
  readonly replacedContents: number;
  /** Of all files. */
  readonly bytes: number;
  readonly writtenBytes: number;
  /** Damages of the data that the backup was taken of. */
  readonly damages: readonly ListedDamage[];
  /** Contents that the backup lacks, because they are missing or damaged. */
  readonly missing: readonly ListedFile[];
}

/** Contents that were read before the rest of a backup is written. */
export interface PreparedContents {
  /** Why contents cannot be read where the server has them, by their paths in the backup. */
  readonly failures: ReadonlyMap<string, BlobError>;
  /** Contents that the backup cannot have. An earlier backup in the folder may have a content that failed. */
  readonly missing: ReadonlyMap<string, ListedFile>;
  readonly writing: Writing;
}

/**
 * Reads each content, so that a damaged one is known before the manifest is written. A folder gets its contents now.
 * @throws BackupError if more contents fail than a manifest can list
 */
export async function prepareContents(
  target: BackupTarget,
  { snapshot, contents }: Pick<BackupParts, "snapshot" | "contents">,
): Promise<PreparedContents> {
  using db = new DatabaseSync(snapshot, { readOnly: true });
  const writing = new Writing(target);
  const failures = new Map<string, BlobError>();
  const missing = new Map<string, ListedFile>();
  for (const kind of CONTENT_KINDS) {
    for (const ref of contentsOf(db, kind)) {
      const path = pathOfContent(ref);
      const earlier = await target.earlier(path, ref.digest, ref.size);
      try {
        using content = await contents.open(ref);
        await writing.prepare(path, earlier, content.size, () => checkedBytes(content, ref));
      } catch (error) {
        if (!(error instanceof BlobError)) throw error;
        failures.set(path, error);
        if (earlier === "whole") writing.keep(ref.size ?? 0);
        else missing.set(path, { path, digest: ref.digest });
        if (failures.size > MISSING_MAX) throw tooManyMissing(error);
      }
    }
  }
  return { failures, missing, writing };
}

function tooManyMissing({ message }: BlobError): BackupError {
  return new BackupError(
    `Nothing was backed up: more than ${MISSING_MAX} contents are missing or damaged, the most that a backup lists; ` +
      `the last: ${message}`,
    "find out whether the directory or bucket of the contents is there, and repeat the backup",
  );
}

/**
 * Writes the manifest, the list of all files, and the files in the order of the list.
 * @param damages what a verification found in the snapshot and its contents
 * @param assertWhole called before the backup gets its name
 * @throws BlobError for a content that was whole when it was prepared, BackupError
 */
export async function takeBackup(
  target: BackupTarget,
  parts: BackupParts,
  { prepared: { missing, writing }, damages, assertWhole }: {
    readonly prepared: PreparedContents;
    readonly damages: readonly ListedDamage[];
    readonly assertWhole: () => Promise<void>;
  },
): Promise<BackupReport> {
  using db = new DatabaseSync(parts.snapshot, { readOnly: true });
  const list = await writeList(db, parts, missing);
  const { createdAt, source } = parts;
  const hasKeys = parts.keys !== undefined;
  const lacks = { damages, missing: [...missing.values()] };
  const fields = { createdAt, source, hasKeys, ...list.facts, ...lacks };
  await writing.add(MANIFEST_FILE, new TextEncoder().encode(manifestText(fields, parts.sealer)));
  await writing.addFile(LIST_FILE, list.path);
  for (const file of filesOf(db, parts, list.databaseDigest, missing)) {
    if ("bytes" in file) await writing.add(file.path, file.bytes);
    else if (!("ref" in file)) await writing.addFile(file.path, parts.snapshot);
    else if (!target.sharesContents) await writing.addContent(parts.contents, file.ref);
  }
  await assertWhole();
  const path = await target.finish(createdAt);
  return { path, createdAt, ...writing.counts, ...lacks };
}

type PlannedFile =
  | { readonly path: string; readonly digest: string; readonly ref: ContentRef }
  | { readonly path: string; readonly digest: string; readonly bytes: Uint8Array }
  | { readonly path: string; readonly digest: string };

/** All files in the order of their paths. */
function* filesOf(
  db: DatabaseSync,
  { keys = new Map() }: BackupParts,
  databaseDigest: string,
  missing: ReadonlyMap<string, unknown>,
): Generator<PlannedFile> {
  const [commits, volumes] = CONTENT_KINDS;
  yield* plannedContents(db, commits, missing);
  const others: PlannedFile[] = [
    { path: DATABASE_FILE, digest: databaseDigest },
    ...Array.from(keys, ([path, bytes]) => ({ path, digest: digestOfBytes(bytes), bytes })),
  ];
  yield* others.sort((a, b) => a.path < b.path ? -1 : 1);
  yield* plannedContents(db, volumes, missing);
}

function* plannedContents(
  db: DatabaseSync,
  kind: typeof CONTENT_KINDS[number],
  missing: ReadonlyMap<string, unknown>,
): Generator<PlannedFile> {
  for (const ref of contentsOf(db, kind)) {
    const path = pathOfContent(ref);
    if (!missing.has(path)) yield { path, digest: ref.digest, ref };
  }
}

/** Writes the list into a file, because it may be long. */
async function writeList(
  db: DatabaseSync,
  parts: BackupParts,
  missing: ReadonlyMap<string, unknown>,
) {
  const path = join(parts.workDir, LIST_FILE);
  const databaseDigest = await digestOfFile(parts.snapshot);
  const hash = createHash("sha256");
  let files = 0;
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const writer = file.writable.getWriter();
  for (const planned of filesOf(db, parts, databaseDigest, missing)) {
    const line = new TextEncoder().encode(lineOf(planned));
    hash.update(line);
    await writer.write(line);
    files++;
  }
  await writer.close();
  return { path, databaseDigest, facts: { files, list: hash.digest("hex") } };
}

/** Counts what is written. */
class Writing {
  readonly counts = { contents: 0, newContents: 0, replacedContents: 0, bytes: 0, writtenBytes: 0 };

  constructor(private readonly target: BackupTarget) {}

  async add(path: string, bytes: Uint8Array): Promise<void> {
    await this.#write(path, bytes.length, async function* () {
      yield bytes;
    });
  }

  async addFile(path: string, from: string): Promise<void> {
    const size = await sizeOf(from) ?? 0;
    await this.#write(path, size, () => bytesOfFile(from));
  }

  /** Reads a content: into a folder, or to know whether an archive can have it. */
  async prepare(
    path: string,
    earlier: EarlierContent,
    size: number,
    content: () => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    if (earlier === "whole") return this.keep(size);
    if (this.target.sharesContents) await this.#write(path, size, content);
    else for await (const _ of content());
    this.counts.contents++;
    this.counts.newContents++;
    if (earlier === "changed") this.counts.replacedContents++;
  }

  /** Counts a content that an earlier backup has. @param size in bytes */
  keep(size: number): void {
    this.counts.contents++;
    this.counts.bytes += size;
  }

  async addContent(contents: Contents, ref: ContentRef): Promise<void> {
    using content = await contents.open(ref);
    await this.#write(pathOfContent(ref), content.size, () => checkedBytes(content, ref));
  }

  async #write(
    path: string,
    size: number,
    content: () => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    await this.target.add({ path, size, content });
    this.counts.bytes += size;
    this.counts.writtenBytes += size;
  }
}
