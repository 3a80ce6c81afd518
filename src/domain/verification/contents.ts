/** Verifies the contents of commits and volumes, each once. */
import { createHash } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { BlobError } from "../../store/blobs/blob_error.ts";
import {
  checkedBytes,
  CONTENT_KINDS,
  type ContentKind,
  type ContentRef,
  type Contents,
  contentsOf,
} from "../../store/contents.ts";
import { type Affected, AFFECTED_MAX, type Damage } from "./damages.ts";

/** Time between two pauses of a verification beside a running server. */
const WORK_MS = 50;

/** How contents are read. */
export interface ContentReading {
  readonly contents: Contents;
  /** Whether each byte is read; otherwise the caller has just written what it had checked. */
  readonly isRead: boolean;
  /** Whether the verification leaves half of the time to a running server. */
  readonly isPaced: boolean;
}

/** What was read. */
interface ContentCounts {
  contents: number;
  bytes: number;
}

/** Reads every content that a row references. */
export async function* contentDamages(
  db: DatabaseSync,
  { contents, isRead, isPaced }: ContentReading,
  counts: ContentCounts,
): AsyncGenerator<Damage> {
  let since = performance.now();
  const pace = async () => {
    const ms = performance.now() - since;
    if (!isPaced || ms < WORK_MS) return;
    await delay(ms);
    since = performance.now();
  };
  for (const kind of CONTENT_KINDS) {
    for (const ref of contentsOf(db, kind)) {
      try {
        using content = await contents.open(ref);
        counts.contents++;
        if (!isRead) continue;
        for await (const bytes of checkedBytes(content, ref)) {
          counts.bytes += bytes.length;
          await pace();
        }
      } catch (error) {
        if (!(error instanceof BlobError)) throw error;
        yield { kind: "content", message: error.message, affects: usersOf(db, ref) };
      }
    }
  }
  yield* smallContentDamages(db, counts);
}

/** Checks the contents that are rows. */
function* smallContentDamages(db: DatabaseSync, counts: ContentCounts): Generator<Damage> {
  for (
    const { digest, content } of db.prepare("SELECT digest, content FROM small_contents").iterate()
  ) {
    const bytes = content instanceof Uint8Array ? content : new Uint8Array();
    counts.contents++;
    counts.bytes += bytes.length;
    if (createHash("sha256").update(bytes).digest("hex") === digest) continue;
    const ref = { kind: "volume-blobs", digest: `${digest}` } as const;
    const { message } = new BlobError("small_contents", ref.digest, "was changed");
    yield { kind: "content", message, affects: usersOf(db, ref) };
  }
}

const ARTIFACTS: Readonly<Record<string, string>> = {
  script_digest: "the script",
  source_map_digest: "the source map",
  lock_digest: "deno.lock",
  test_script_digest: "the script of the tests",
  test_source_map_digest: "the source map of the tests",
  test_lock_digest: "deno.lock of the tests",
};

/** Finds the functions, commits and volumes that need a content. */
const USERS: Readonly<Record<ContentKind, string>> = {
  "commit-blobs": [
    "SELECT c.function_id AS function, c.id AS id, f.path AS path FROM commit_files f JOIN commits c ON c.id = f.commit_id WHERE f.digest = :digest",
    ...Object.entries(ARTIFACTS).map(([column, what]) =>
      `SELECT function_id, id, '${what}' FROM commits WHERE ${column} = :digest`
    ),
  ].join(" UNION ALL ") + ` LIMIT ${AFFECTED_MAX / 2}`,
  "volume-blobs": "SELECT NULL AS function, v.id AS id, v.display_name AS name, e.path AS path " +
    "FROM volume_entries e JOIN volumes v ON v.id = e.volume_id WHERE e.digest = :digest " +
    `GROUP BY v.id, e.path LIMIT ${AFFECTED_MAX}`,
};

function usersOf(
  db: DatabaseSync,
  { kind, digest }: Pick<ContentRef, "kind" | "digest">,
): Affected[] {
  const rows = db.prepare(USERS[kind]).all({ digest });
  if (kind === "volume-blobs") {
    return rows.map(({ id, name, path }) => ({
      type: "volume",
      id: `${id}`,
      name: `${name}`,
      path: `${path}`,
    }));
  }
  return rows.flatMap(({ function: functionId, id, path }): Affected[] => [
    functionNamed(db, `${functionId}`),
    { type: "commit", id: `${id}`, path: `${path}` },
  ]);
}

/** A function with its name, if its row can be read. */
export function functionNamed(db: DatabaseSync, id: string): Affected {
  const row = db.prepare("SELECT display_name FROM functions WHERE id = ?").get(id);
  return { type: "function", id, ...row === undefined ? {} : { name: `${row["display_name"]}` } };
}
