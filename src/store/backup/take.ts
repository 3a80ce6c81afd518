/** Takes a backup of a snapshot and its contents. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readAt, sizeOf } from "../../shared/files.ts";
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
import { DATABASE_FILE, lineOf, LIST_FILE, MANIFEST_FILE, manifestText } from "./manifest.ts";
import type { BackupTarget } from "./targets.ts";

const STEP_BYTES = 256 * 1024;

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
  /** Of all files. */
  readonly bytes: number;
  readonly writtenBytes: number;
}

/**
 * Writes the manifest, the list of all files, and the files in the order of the list.
 * @param assertWhole called before the backup gets its name
 * @throws BlobError for a content that is missing or damaged, BackupError
 */
export async function takeBackup(
  target: BackupTarget,
  parts: BackupParts,
  assertWhole: () => Promise<void>,
): Promise<BackupReport> {
  using db = new DatabaseSync(parts.snapshot, { readOnly: true });
  const list = await writeList(db, parts);
  const { createdAt, source } = parts;
  const hasKeys = parts.keys !== undefined;
  const manifest = manifestText({ createdAt, source, hasKeys, ...list.facts }, parts.sealer);
  const writing = new Writing(target);
  await writing.add(MANIFEST_FILE, new TextEncoder().encode(manifest));
  await writing.addFile(LIST_FILE, list.path);
  for (const file of filesOf(db, parts, list.databaseDigest)) {
    if ("ref" in file) await writing.addContent(parts.contents, file.ref);
    else if ("bytes" in file) await writing.add(file.path, file.bytes);
    else await writing.addFile(file.path, parts.snapshot);
  }
  await assertWhole();
  const path = await target.finish(createdAt);
  return { path, createdAt, ...writing.counts };
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
): Generator<PlannedFile> {
  const [commits, volumes] = CONTENT_KINDS;
  yield* plannedContents(db, commits);
  const others: PlannedFile[] = [
    { path: DATABASE_FILE, digest: databaseDigest },
    ...Array.from(keys, ([path, bytes]) => ({ path, digest: digestOfBytes(bytes), bytes })),
  ];
  yield* others.sort((a, b) => a.path < b.path ? -1 : 1);
  yield* plannedContents(db, volumes);
}

function* plannedContents(
  db: DatabaseSync,
  kind: typeof CONTENT_KINDS[number],
): Generator<PlannedFile> {
  for (const ref of contentsOf(db, kind)) {
    yield { path: pathOfContent(ref), digest: ref.digest, ref };
  }
}

/** Writes the list into a file, because it may be long. */
async function writeList(db: DatabaseSync, parts: BackupParts) {
  const path = join(parts.workDir, LIST_FILE);
  const databaseDigest = await digestOfFile(parts.snapshot);
  const hash = createHash("sha256");
  let files = 0;
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const writer = file.writable.getWriter();
  for (const planned of filesOf(db, parts, databaseDigest)) {
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
  readonly counts = { contents: 0, newContents: 0, bytes: 0, writtenBytes: 0 };

  constructor(private readonly target: BackupTarget) {}

  async add(path: string, bytes: Uint8Array): Promise<void> {
    await this.#write(path, bytes.length, async function* () {
      yield bytes;
    });
  }

  async addFile(path: string, from: string): Promise<void> {
    const size = await sizeOf(from) ?? 0;
    await this.#write(path, size, () => bytesOf(from));
  }

  async addContent(contents: Contents, ref: ContentRef): Promise<void> {
    using content = await contents.open(ref);
    const path = pathOfContent(ref);
    this.counts.contents++;
    if (await this.target.has(path, content.size)) {
      this.counts.bytes += content.size;
      return;
    }
    this.counts.newContents++;
    await this.#write(path, content.size, () => checkedBytes(content, ref));
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

/** SHA-256 of a file in hexadecimal. */
async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of bytesOf(path)) hash.update(bytes);
  return hash.digest("hex");
}

function digestOfBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  for (let at = 0; at < size;) {
    const bytes = await readAt(file, at, Math.min(STEP_BYTES, size - at));
    if (bytes.length === 0) throw new BackupError(`${path} became shorter meanwhile`, "try again");
    yield bytes;
    at += bytes.length;
  }
}
