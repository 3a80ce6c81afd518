/** Verifies what a restore has read, and decides whether it may be restored. */
import { join } from "node:path";
import { affectedInWords, type Damage } from "../domain/verification/damages.ts";
import { DAMAGES_MAX, verifyCopy } from "../domain/verification/verify.ts";
import { VERSION } from "../shared/installation.ts";
import { BackupError } from "../store/backup/backup_error.ts";
import { DATABASE_FILE, type ListedFile, type Manifest } from "../store/backup/manifest.ts";
import { BlobError } from "../store/blobs/blob_error.ts";
import { CONTENT_KINDS, diskContents } from "../store/contents.ts";
import type { Sealer } from "../store/sealing.ts";

/** Damages that the error of a restore names. */
const NAMED_MAX = 5;

/** What was read of a backup. */
interface Staged {
  /** The directory of its files. */
  readonly directory: string;
  readonly sealer: Sealer;
  readonly manifest: Manifest;
  /** Names the backup in messages. */
  readonly backup: string;
}

/**
 * Migrates what an earlier version has written, and verifies everything but the digests of contents, which were checked
 * as they were read.
 * @param acceptDamage whether the restore continues with the damages that the manifest lists, and with no other
 * @returns the accepted damages
 * @throws BackupError
 */
export async function verifyStaged(
  { directory, sealer, manifest, backup }: Staged,
  acceptDamage: boolean,
): Promise<readonly Damage[]> {
  const { damages, isCut } = await verifyCopy({
    database: join(directory, DATABASE_FILE),
    sealer,
    contents: diskContents(directory),
    isRead: false,
    isPaced: false,
    // A manifest lists more missing contents than other damages.
    damagesMax: DAMAGES_MAX + manifest.missing.length,
  }, backup);
  const unlisted = unlistedIn(manifest, damages);
  const isListed = unlisted.length === 0 && !isCut;
  if (isListed && (acceptDamage || damages.length === 0)) return damages;
  if (!acceptDamage) {
    throw new BackupError(
      `${backup} is damaged: ${inWords(damages)}; nothing was restored`,
      isListed
        ? "use another backup, or restore everything that is whole with --accept-damage"
        : "use another backup",
    );
  }
  throw new BackupError(
    unlisted.length > 0
      ? `${backup} has damages that its manifest does not list: ${
        inWords(unlisted)
      }; nothing was restored`
      : `${backup} may have more damages than its manifest lists: ${
        inWords(damages)
      }; nothing was restored`,
    manifest.invoked === VERSION
      ? "use another backup"
      : `use another backup, or restore this one with invoked ${manifest.invoked}, which took it`,
  );
}

/** The damages that were not there when the backup was taken. */
function unlistedIn({ damages, missing }: Manifest, found: readonly Damage[]): readonly Damage[] {
  const keyOf = ({ kind, message }: Pick<Manifest["damages"][number], "kind" | "message">) =>
    `${kind}: ${message}`;
  const listed = new Set([...damages, ...missing.map(missingContent)].map(keyOf));
  return found.filter((damage) => !listed.has(keyOf(damage)));
}

/** The damage of a content that the backup lacks, whatever was wrong with the content. */
function missingContent({ path, digest }: ListedFile): Pick<Damage, "kind" | "message"> {
  const kind = CONTENT_KINDS.find((each) => path.startsWith(`${each}/`)) ?? "";
  return { kind: "content", message: new BlobError(kind, digest, "is missing").message };
}

function inWords(damages: readonly Damage[]): string {
  const named = damages.slice(0, NAMED_MAX).map(({ message, affects }) =>
    affects[0] === undefined ? message : `${message} (${affectedInWords(affects[0])})`
  );
  const more = damages.length > NAMED_MAX ? `, and ${damages.length - NAMED_MAX} more` : "";
  return `${named.join("; ")}${more}`;
}
