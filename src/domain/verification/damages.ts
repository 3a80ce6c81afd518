/** What a verification finds damaged, and what belongs to it. */

/** What is damaged. */
type DamageKind =
  /** Pages of the database. */
  | "database"
  /** A row that names another row, which is missing. */
  | "reference"
  /** A blob of a commit or of a volume. */
  | "content"
  /** A value that is sealed under the master key. */
  | "sealed value"
  /** An event of the audit log. */
  | "audit log"
  /** A file that the server needs beside the database. */
  | "file";

/** A resource that cannot be used, or not as a whole. */
export interface Affected {
  readonly type:
    | "function"
    | "commit"
    | "volume"
    | "invocation"
    | "trigger"
    | "principal"
    | "tenant"
    | "server";
  readonly id: string;
  /** The name of a function or volume. */
  readonly name?: string;
  /** The path of a file in the commit or volume. */
  readonly path?: string;
}

/** A damage. */
export interface Damage {
  readonly kind: DamageKind;
  /** One line: what is damaged, and how. */
  readonly message: string;
  /** What is lost with it; at most {@link AFFECTED_MAX}. */
  readonly affects: readonly Affected[];
}

/** Resources that are listed for one damage. */
export const AFFECTED_MAX = 20;

/** A resource in words, such as `function 2a… (report), file /data.csv`. */
export function affectedInWords({ type, id, name, path }: Affected): string {
  const named = name === undefined ? "" : ` (${name})`;
  return `${type}${id === "" ? "" : ` ${id}`}${named}${path === undefined ? "" : `, file ${path}`}`;
}
