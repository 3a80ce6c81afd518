import { parse } from "jsonc-parser";

/** What a file may import, and the module of `node_modules` that it is. */
export interface Import {
  readonly specifier: string;
  readonly name: string;
  /** What the registry is asked for, such as `zod@^4.1.0`. */
  readonly requirement: string;
  /** Where it is written: the file, and the index of the opening quote in its text, as compilers have it. */
  readonly path: string;
  readonly at: number;
}

const CODE = /\.[cm]?[jt]sx?$/;
const NPM = /["'](npm:\/?[^"'\s]+)["']/g;
const PARTS = /^npm:\/?((?:@[^/@]+\/)?[^/@]+)(@[^/]*)?(\/.+)?$/;

/** The packages that the files name: by `npm:`, or in `deno.json` and `package.json`. Manifests may be half typed. */
export function importsOf(files: Readonly<Record<string, string>>): readonly Import[] {
  const found = new Map<string, Import>();
  const add = (specifier: string, target: string, path: string, at: number) => {
    if (specifier.startsWith("@c1/") || found.has(specifier)) return;
    found.set(specifier, { specifier, ...partsOf(target), path, at });
  };
  for (const [path, text] of Object.entries(files)) {
    if (!CODE.test(path)) continue;
    for (const { 1: specifier = "", index } of text.matchAll(NPM)) {
      add(specifier, specifier, path, index);
    }
  }
  const manifest = (path: string, ...fields: readonly string[]) => {
    const text = files[path] ?? "{}";
    const content: unknown = parse(text);
    return fields.flatMap((field) => entriesOf(content, field))
      .map(([key, value]) => ({
        path,
        key,
        value,
        at: Math.max(0, text.indexOf(JSON.stringify(key))),
      }));
  };
  const config = "deno.json" in files ? "deno.json" : "deno.jsonc";
  for (const { path, key, value, at } of manifest(config, "imports")) {
    if (typeof value === "string" && !key.startsWith(".")) add(key, value, path, at);
  }
  for (const entry of manifest("package.json", "dependencies", "devDependencies")) {
    const { path, key, value, at } = entry;
    const range = typeof value === "string" ? value.trim() : "";
    add(key, range.startsWith("npm:") ? range : `npm:${key}@${range || "*"}`, path, at);
  }
  return [...found.values()];
}

/** `zod/v4` and `zod@4.1.0` of `npm:zod@4.1.0/v4`. */
function partsOf(target: string): Pick<Import, "name" | "requirement"> {
  const [, name = target, version = "", path = ""] = PARTS.exec(target) ?? [];
  return { name: name + path, requirement: name + version };
}

function entriesOf(value: unknown, field: string): [string, unknown][] {
  const found = (value as Record<string, unknown> | null | undefined)?.[field];
  return typeof found === "object" && found !== null ? Object.entries(found) : [];
}
