import { parse } from "jsonc-parser";

/** What a file may import, and the module of `node_modules` that it is. */
export interface Import {
  readonly specifier: string;
  readonly name: string;
}

const NPM = /["'](npm:\/?[^"'\s]+)["']/g;
const PARTS = /^npm:\/?((?:@[^/@]+\/)?[^/@]+)(?:@[^/]*)?(\/.+)?$/;

/** The packages that the files name: by `npm:`, or in `deno.json` and `package.json`. Manifests may be half typed. */
export function importsOf(files: Readonly<Record<string, string>>): readonly Import[] {
  const found = new Map<string, string>();
  for (const text of Object.values(files)) {
    for (const [, specifier = ""] of text.matchAll(NPM)) found.set(specifier, nameOf(specifier));
  }
  const deno: unknown = parse(files["deno.json"] ?? files["deno.jsonc"] ?? "{}");
  for (const [alias, target] of entriesOf(deno, "imports")) {
    if (typeof target === "string" && !alias.startsWith(".")) found.set(alias, nameOf(target));
  }
  const npm: unknown = parse(files["package.json"] ?? "{}");
  for (const [name] of [...entriesOf(npm, "dependencies"), ...entriesOf(npm, "devDependencies")]) {
    found.set(name, name);
  }
  return [...found].filter(([specifier]) => !specifier.startsWith("@c1/"))
    .map(([specifier, name]) => ({ specifier, name }));
}

/** `zod/v4` of `npm:zod@4.1.0/v4`. */
function nameOf(specifier: string): string {
  const [, name = specifier, path = ""] = PARTS.exec(specifier) ?? [];
  return name + path;
}

function entriesOf(value: unknown, field: string): [string, unknown][] {
  const found = (value as Record<string, unknown> | null | undefined)?.[field];
  return typeof found === "object" && found !== null ? Object.entries(found) : [];
}
