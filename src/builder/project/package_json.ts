/** The dependencies and `imports` of a package.json. */

import { formatCount } from "../../config/mod.ts";
import { isBuiltin } from "node:module";
import { readJsonObject, type Value } from "../config_json.ts";
import type { Diagnostic } from "../contract.ts";
import { foreignReason } from "./foreign.ts";
import {
  type ConfigFile,
  type Entry,
  rejected,
  type Target,
  targetOf,
  withSubpaths,
  writtenOf,
} from "./config_file.ts";
import { invalid } from "./deno_config.ts";

/** Later entries win. */
const DEPENDENCIES = [
  "peerDependencies",
  "devDependencies",
  "optionalDependencies",
  "dependencies",
] as const;

/** The name of a package; other names cannot be imported. */
const NAME = /^(?:@[\w.~-]+\/)?[\w~-][\w.~-]*$/;
/** A version or range that a specifier can hold, or a tag. */
const RANGE = /^(?:[~^]?v?\d[\w.+*-]*|\*|[a-z][\w.-]*)$/i;
/** Versions that name files, repositories or packages of a workspace. */
const ELSEWHERE =
  /^(?:workspace|file|link|portal|patch|catalog|git(?:\+\w+)?|github|gitlab|bitbucket|gist|ssh):|^[\w.-]+\/[\w.-]+(?:#|$)|^[.~]{0,2}\//;

const IMPORT_CONDITIONS: ReadonlySet<string> = new Set(["deno", "node", "import", "default"]);
/** Patterns of one file: each is compared with every path of the commit. */
const MAX_PATTERNS = 100;

/**
 * Reads the file at `path` of the author's tree.
 * @param paths of the files of the tree, for patterns
 */
export function readPackageJson(
  path: string,
  content: Uint8Array,
  paths: () => Iterable<string>,
): ConfigFile {
  const read = readJsonObject(content);
  if (read.kind === "error") return invalid(path, read.error);
  const entries = new Map<string, Entry>();
  for (const field of DEPENDENCIES) {
    for (const [key, value] of read.members.get(field)?.members ?? []) {
      if (!NAME.test(key)) continue;
      const common = { key, line: value.line, written: writtenOf(value), config: path };
      const entry = { ...common, target: version(key, value) };
      for (const one of withSubpaths(entry)) entries.set(one.key, one);
    }
  }
  const errors: Diagnostic[] = [];
  const imports = [...read.members.get("imports")?.members ?? []].filter(([key]) =>
    /^#./.test(key)
  );
  if (imports.filter(([key]) => key.includes("*")).length > MAX_PATTERNS) {
    const message = `imports has more than ${formatCount(MAX_PATTERNS)} patterns`;
    errors.push({ path, line: imports[0]?.[1].line ?? 1, message });
  } else {
    for (const [key, value] of imports) {
      for (const entry of aliases(key, value, { path, entries, paths })) {
        entries.set(entry.key, entry);
      }
    }
  }
  return { path, entries, options: new Map(), errors };
}

function version(name: string, { value }: Value): Target {
  if (typeof value !== "string" || !value.isWellFormed()) return rejected("it is not a text");
  const range = value.trim().replace(/^=\s*/, "") || "*";
  if (range.startsWith("npm:")) return { kind: "module", specifier: range };
  if (ELSEWHERE.test(range)) {
    return rejected(
      "only packages of the registry are installed; map the name to a path of its files " +
        "in the imports of deno.json",
    );
  }
  const foreign = foreignReason(range);
  if (foreign !== undefined) return rejected(foreign);
  return RANGE.test(range)
    ? { kind: "module", specifier: `npm:${name}@${range}` }
    : rejected("a range of several versions is not supported; write one such as ^1.2.0");
}

interface Context {
  readonly path: string;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly paths: () => Iterable<string>;
}

/** The entries of one subpath import: a pattern may name many. */
function aliases(key: string, value: Value, { path, entries, paths }: Context): Entry[] {
  const written = conditional(value);
  const entry = { key, line: value.line, written: written ?? writtenOf(value), config: path };
  if (written === undefined) return [{ ...entry, target: rejected("it has no target for Deno") }];
  if (!key.includes("*")) {
    const builtin = isBuiltin(written) && !written.startsWith("node:");
    const target = dependency(written, entries) ??
      targetOf(builtin ? `node:${written}` : written, path);
    return [{ ...entry, target }];
  }
  const target = targetOf(written, path);
  if (target.kind !== "file" || written.split("*").length !== 2) {
    const reason = rejected("a pattern names files of the commit, with one * in it");
    return [{ ...entry, key: key.slice(0, key.indexOf("*")), target: reason }];
  }
  if (/^[^*]*\/\*$/.test(key) && /^[^*]*\/\*$/.test(written)) {
    return [{
      ...entry,
      key: key.slice(0, -1),
      target: { kind: "file", path: target.path.slice(0, -1) },
    }];
  }
  const others = {
    ...entry,
    key: key.slice(0, key.indexOf("*")),
    target: rejected("the commit has no file that matches"),
  };
  return [
    ...others.key.endsWith("/") ? [others] : [],
    ...matching(key, target.path, paths()).map(([one, file]): Entry => ({
      ...entry,
      key: one,
      target: { kind: "file", path: file },
    })),
  ];
}

/** The target of a package among the dependencies, or of a subpath of it. */
function dependency(written: string, entries: ReadonlyMap<string, Entry>): Target | undefined {
  const [, name = "", subpath = ""] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(written) ?? [];
  const target = entries.get(name)?.target;
  return target?.kind === "module"
    ? { kind: "module", specifier: target.specifier + subpath }
    : target;
}

/** The keys and paths of the files that a pattern matches. */
function matching(key: string, pattern: string, paths: Iterable<string>): [string, string][] {
  const [before = "", after] = pattern.split("*", 2);
  if (after === undefined) return [];
  return [...paths].flatMap((path): [string, string][] =>
    path.length > before.length + after.length && path.startsWith(before) && path.endsWith(after)
      ? [[key.replace("*", () => path.slice(before.length, path.length - after.length)), path]]
      : []
  );
}

/** The target for Deno: the first of the conditions that it has. */
function conditional({ value, members }: Value): string | undefined {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.find((one) => typeof one === "string");
  for (const [condition, inner] of members) {
    const found = IMPORT_CONDITIONS.has(condition) ? conditional(inner) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
