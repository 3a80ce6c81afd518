/** The `imports` and `compilerOptions` of a deno.json or deno.jsonc. */

import { readJsonObject, type Value } from "../config_json.ts";
import type { Diagnostic } from "../contract.ts";
import { optionsOf } from "./compiler_options.ts";
import {
  type ConfigFile,
  type Entry,
  rejected,
  targetOf,
  withSubpaths,
  writtenOf,
} from "./config_file.ts";

/** Fields that change what an import means, each with what to do instead. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  importMap: "write its imports into this file",
  scopes: "write a deno.json into the folder that it is for",
  links: "use a package of npm, or put a copy of the files into the commit",
  patch: "use a package of npm, or put a copy of the files into the commit",
};

/** Reads the file at `path` of the author's tree. */
export function readDenoConfig(path: string, content: Uint8Array): ConfigFile {
  const read = readJsonObject(content);
  if (read.kind === "error") return invalid(path, read.error);
  const errors = Object.entries(UNSUPPORTED).flatMap(([name, instead]) => {
    const value = read.members.get(name);
    return value === undefined || isEmpty(value) ? [] : [{
      path,
      line: value.line,
      message: `${name} is not supported; ${instead}`,
    }];
  });
  const options = read.members.get("compilerOptions")?.members ?? new Map<string, Value>();
  const paths = options.get("paths");
  if (paths !== undefined && !isEmpty(paths)) {
    const message = "paths is not supported; write the aliases into imports";
    errors.push({ path, line: paths.line, message });
  }
  const source = options.get("jsxImportSource");
  if (source !== undefined && /^[./]|^file:/.test(String(source.value))) {
    const message = "jsxImportSource must name a package, not a path";
    errors.push({ path, line: source.line, message });
  }
  const entries = new Map<string, Entry>();
  for (const [key, value] of read.members.get("imports")?.members ?? []) {
    if (isPathOrUrl(key)) {
      const message = `Invalid import ${JSON.stringify(key)}: only a name or an alias such as ` +
        "@/ can be mapped, not a path or a URL";
      errors.push({ path, line: value.line, message });
    } else {
      const written = writtenOf(value);
      const entry = {
        key,
        line: value.line,
        written,
        config: path,
        target: target(key, value, path),
      };
      for (const one of withSubpaths(entry)) {
        // An entry of the author wins over an entry that another key implies.
        if (one.key === key || !entries.has(one.key)) entries.set(one.key, one);
      }
    }
  }
  return { path, entries, options: optionsOf(options), errors };
}

/** The file as one error. */
export function invalid(path: string, error: Pick<Diagnostic, "line" | "message">): ConfigFile {
  const message = `Invalid file: ${error.message}`;
  return { path, entries: new Map(), options: new Map(), errors: [{ ...error, path, message }] };
}

function target(key: string, { value }: Value, config: string) {
  if (typeof value !== "string") return rejected("it is not a text");
  const found = targetOf(value, config);
  return key.endsWith("/") && !value.endsWith("/") && found.kind !== "rejected"
    ? rejected("a key with a slash at the end needs a value with a slash at the end")
    : found;
}

function isEmpty({ value, members }: Value): boolean {
  return members.size === 0 &&
    (value === undefined || (Array.isArray(value) && value.length === 0));
}

function isPathOrUrl(key: string): boolean {
  return /^\.{0,2}(?:\/|$)/.test(key) || URL.canParse(key);
}
