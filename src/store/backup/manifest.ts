/** What a backup says of itself: a manifest, and a list of its files in the form of `sha256sum`. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { VERSION } from "../../shared/installation.ts";
import { MIGRATIONS } from "../migrations/mod.ts";
import type { Sealer } from "../sealing.ts";
import { BackupError } from "./backup_error.ts";

const FORMAT = "invoked-backup";
/** The version of the form of backups. */
const FORM = 1;
/** Bytes of a manifest that are read: it lists damages, and up to {@link MISSING_MAX} contents. */
export const MANIFEST_BYTES_MAX = 32 * 1024 * 1024;
/** Contents that a backup may lack. */
export const MISSING_MAX = 50_000;

export const MANIFEST_FILE = "manifest.json";
export const LIST_FILE = "SHA256SUMS";
export const DATABASE_FILE = "invoked.db";
export const MASTER_KEY_FILE = "master.key";

/** The files of a backup: nothing else is read or written, so no name leads out of its directory. */
const PATH =
  /^(?:invoked\.db|master\.key|credentials\.json|tls\/[a-z][a-z-]{0,40}\.(?:pem|key)|(?:commit|volume)-blobs\/[0-9a-f]{2}\/[0-9a-f]{62})$/;
const CONTENT = /^(commit-blobs|volume-blobs)\/([0-9a-f]{2})\/([0-9a-f]{62})$/;
const LINE = /^([0-9a-f]{64}) {2}(\S+)$/;

/** The head of a backup. */
export interface Manifest {
  readonly format: typeof FORMAT;
  readonly form: number;
  /** When the snapshot of the database was taken: RFC 3339, UTC. */
  readonly createdAt: string;
  /** The version of invoked that took the backup. */
  readonly invoked: string;
  /** The last migration of its database. */
  readonly schema: string;
  /** The database of the server; in the backup both have one form. */
  readonly source: "sqlite" | "postgresql";
  /** The id of the master key under which its secrets are sealed. */
  readonly masterKeyId: string;
  readonly hasKeys: boolean;
  /** Lines of the list. */
  readonly files: number;
  /** SHA-256 of the list. */
  readonly list: string;
  /** Damages that the data had when the backup was taken. */
  readonly damages: readonly ListedDamage[];
  /** Contents that rows reference and the backup lacks, because they were missing or damaged. */
  readonly missing: readonly ListedFile[];
  /** HMAC-SHA-256 over the other fields under a key that is derived from the master key. */
  readonly mac: string;
}

/** A damage of the data, as the verification reports it. */
export interface ListedDamage {
  readonly kind: string;
  readonly message: string;
  readonly affects: readonly unknown[];
}

/** A file of a backup. */
export interface ListedFile {
  readonly digest: string;
  readonly path: string;
}

/** The manifest of a backup as the text of its file. */
export function manifestText(
  fields: Pick<
    Manifest,
    "createdAt" | "source" | "hasKeys" | "files" | "list" | "damages" | "missing"
  >,
  sealer: Sealer,
): string {
  const unsigned: Omit<Manifest, "mac"> = {
    format: FORMAT,
    form: FORM,
    invoked: VERSION,
    schema: Object.keys(MIGRATIONS).at(-1) ?? "",
    masterKeyId: sealer.keyId,
    ...fields,
  };
  return `${JSON.stringify({ ...unsigned, mac: macOf(unsigned, sealer) }, null, 2)}\n`;
}

/** @param backup names it in the message @throws BackupError */
export function parseManifest(text: string, backup: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const fields = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
  if (fields["format"] !== FORMAT) throw notABackup(backup, `its ${MANIFEST_FILE} is damaged`);
  if (typeof fields["form"] === "number" && fields["form"] > FORM) {
    throw new BackupError(
      `${backup} was taken by a later version of invoked: its form is ${
        fields["form"]
      }, and version ` +
        `${VERSION} reads forms up to ${FORM}`,
      `restore it with version ${fields["invoked"]} or later`,
    );
  }
  for (const [name, form] of Object.entries(FIELDS)) {
    if (!form(fields[name])) {
      throw notABackup(backup, `field ${name} of its ${MANIFEST_FILE} is missing or damaged`);
    }
  }
  const known = new Set(["format", ...Object.keys(FIELDS)]);
  const unknown = Object.keys(fields).find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw notABackup(
      backup,
      `its ${MANIFEST_FILE} has the unknown field ${JSON.stringify(unknown)}`,
    );
  }
  return fields as unknown as Manifest;
}

const isText = (pattern: RegExp) => (value: unknown) =>
  typeof value === "string" && pattern.test(value);
/** How each field looks. The order is that in which the values are signed. */
const FIELDS: Readonly<Record<Exclude<keyof Manifest, "format">, (value: unknown) => boolean>> = {
  form: (value) => value === FORM,
  createdAt: isText(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  invoked: isText(/^[\w.+-]{1,60}$/),
  schema: isText(/^\d{3}_\w{1,60}$/),
  source: isText(/^(?:sqlite|postgresql)$/),
  masterKeyId: isText(/^[0-9a-f]{16}$/),
  hasKeys: (value) => typeof value === "boolean",
  files: (value) => Number.isSafeInteger(value) && (value as number) > 0,
  list: isText(/^[0-9a-f]{64}$/),
  damages: (value) => Array.isArray(value) && value.every(isDamage),
  missing: (value) =>
    Array.isArray(value) && value.length <= MISSING_MAX && value.every(isMissingContent),
  mac: isText(/^[0-9a-f]{64}$/),
};

function isDamage(value: unknown): boolean {
  const { kind, message, affects } = (value ?? {}) as Record<string, unknown>;
  return typeof kind === "string" && typeof message === "string" && Array.isArray(affects);
}

function isMissingContent(value: unknown): boolean {
  const { path, digest } = (value ?? {}) as Record<string, unknown>;
  const [, , head, rest] = typeof path === "string" ? CONTENT.exec(path) ?? [] : [];
  return head !== undefined && `${head}${rest}` === digest;
}

/** A file that is no backup, or a damaged one. */
export function notABackup(backup: string, why: string): BackupError {
  return new BackupError(
    `${backup} is damaged, or is not a backup of invoked: ${why}`,
    "use another backup",
  );
}

/**
 * Checks that this version knows the schema of a backup, and that the master key signed the manifest.
 * @throws BackupError
 */
export function checkManifest(manifest: Manifest, backup: string, sealer: Sealer): void {
  assertKnownSchema(manifest, backup);
  const { mac, ...unsigned } = manifest;
  if (!sealer.has(manifest.masterKeyId)) {
    throw new BackupError(
      `${backup} belongs to another master key: its secrets are sealed under key ` +
        `${manifest.masterKeyId}, and the given key is ${sealer.keyId}`,
      "give the master key that the server had when the backup was taken",
    );
  }
  const expected = Buffer.from(macOf(unsigned, sealer), "hex");
  if (timingSafeEqual(expected, Buffer.from(mac, "hex"))) return;
  throw new BackupError(
    `${backup} was changed after it was taken: the master key did not sign its ${MANIFEST_FILE}`,
    "use another backup, and find out who changed this one",
  );
}

/** Rejects a backup of a later schema. @throws BackupError */
export function assertKnownSchema({ schema, invoked }: Manifest, backup: string): void {
  if (schema in MIGRATIONS) return;
  throw new BackupError(
    `${backup} was taken by a later version of invoked: its database has the migration ${schema}, ` +
      `and version ${VERSION} knows migrations up to ${Object.keys(MIGRATIONS).at(-1)}`,
    `restore it with version ${invoked} or later`,
  );
}

function macOf(unsigned: Omit<Manifest, "mac">, sealer: Sealer): string {
  const { mac: _unsigned, ...signed } = FIELDS;
  const names = Object.keys(signed) as (keyof typeof signed)[];
  const values = [unsigned.format, ...names.map((name) => unsigned[name])];
  return createHmac("sha256", sealer.deriveKey("backup", unsigned.masterKeyId))
    .update(JSON.stringify(values)).digest("hex");
}

/** A line of the list. */
export function lineOf({ digest, path }: ListedFile): string {
  return `${digest}  ${path}\n`;
}

/**
 * Reads a line of the list. Lines are sorted, so that no path is listed twice.
 * @param before the path of the line before @throws BackupError
 */
export function parseLine(line: string, before: string | undefined, backup: string): ListedFile {
  const [, digest, path] = LINE.exec(line) ?? [];
  if (digest === undefined || path === undefined || !PATH.test(path)) {
    throw notABackup(backup, `${LIST_FILE} has the line ${JSON.stringify(line.slice(0, 200))}`);
  }
  if (before !== undefined && before >= path) {
    throw notABackup(backup, `${LIST_FILE} lists ${path} twice, or in another order`);
  }
  const content = CONTENT.exec(path);
  if (content !== null && `${content[2]}${content[3]}` !== digest) {
    throw notABackup(backup, `${LIST_FILE} gives ${path} another digest than its name`);
  }
  return { digest, path };
}

/** Whether a path is of contents, which backups in one folder share. */
export function isContent(path: string): boolean {
  return CONTENT.test(path);
}
