/** What a configuration file says of imports. */

import { isBuiltin } from "node:module";
import { dirname, join } from "node:path/posix";
import type { Value } from "../config_json.ts";
import type { Diagnostic } from "../contract.ts";
import { foreignReason } from "./foreign.ts";

/** The meaning of a name. */
export type Target =
  /** A package or a module of Node.js. */
  | { readonly kind: "module"; readonly specifier: string }
  /** A file of the author's tree, or a directory with a slash at the end; the tree itself is `""`. */
  | { readonly kind: "file"; readonly path: string }
  /** The reason appears where the name is imported. */
  | { readonly kind: "rejected"; readonly reason: string };

/** One name, alias or prefix. */
export interface Entry {
  readonly key: string;
  readonly target: Target;
  /** 1-based. */
  readonly line: number;
  /** The text that names the target. */
  readonly written: string;
  /** The file that has the entry, in the author's tree. */
  readonly config: string;
}

/** The content of a file, and the errors of the parts that change the meaning of imports. */
export interface ConfigFile {
  /** In the author's tree. */
  readonly path: string;
  readonly entries: ReadonlyMap<string, Entry>;
  /** Options of the compiler. */
  readonly options: ReadonlyMap<string, unknown>;
  readonly errors: readonly Diagnostic[];
}

const OWN_OR_PACKAGE =
  "only npm: packages, node: modules and the commit's own files can be imported";

/** The target of a path, a package or a module of Node.js, as the file at `config` writes it. */
export function targetOf(written: string, config: string): Target {
  if (!written.isWellFormed()) return rejected("it is not well-formed Unicode");
  if (written.startsWith("npm:")) return { kind: "module", specifier: written };
  if (/^node:./.test(written) && isBuiltin(written)) return { kind: "module", specifier: written };
  if (/^\.\.?\//.test(written)) return fileTarget(written, config);
  return rejected(foreignReason(written) ?? OWN_OR_PACKAGE);
}

function fileTarget(written: string, config: string): Target {
  const path = join(dirname(config), written);
  if (path === "./") return { kind: "file", path: "" };
  return path.startsWith("../") || path === ".."
    ? rejected("it is outside of the commit; invoked.json can name a root above it")
    : { kind: "file", path };
}

export function rejected(reason: string): Target {
  return { kind: "rejected", reason };
}

/** The entry of a key, and for a package that of its subpaths. */
export function withSubpaths(entry: Entry): readonly Entry[] {
  const { key, target } = entry;
  if (key.endsWith("/") || target.kind === "file") return [entry];
  if (target.kind === "rejected") return [entry, { ...entry, key: `${key}/` }];
  if (!target.specifier.startsWith("npm:")) return [entry];
  // The form of a package's specifier that can be a prefix.
  const specifier = `npm:/${target.specifier.replace(/^npm:\/?/, "")}/`;
  return [entry, { ...entry, key: `${key}/`, target: { kind: "module", specifier } }];
}

/** The text of a value for messages. */
export function writtenOf({ value }: Value): string {
  if (typeof value === "string") return value;
  return value === undefined ? "an object" : JSON.stringify(value);
}
