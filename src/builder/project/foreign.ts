/** Replacements for modules that a build cannot download: modules of jsr and modules by URL. */

/** Modules of npm and Node.js that do the work of packages of jsr, by their names without `@`. */
const OF_JSR: Readonly<Record<string, string>> = {
  "std/assert": "node:assert",
  "std/collections": "npm:lodash",
  "std/crypto": "node:crypto",
  "std/csv": "npm:csv-parse",
  "std/datetime": "npm:date-fns",
  "std/encoding": "node:buffer",
  "std/expect": "@c1/test",
  "std/front-matter": "npm:front-matter",
  "std/jsonc": "npm:jsonc-parser",
  "std/media-types": "npm:mime-types",
  "std/msgpack": "npm:@msgpack/msgpack",
  "std/path": "node:path",
  "std/regexp": "npm:escape-string-regexp",
  "std/semver": "npm:semver",
  "std/testing": "@c1/test",
  "std/toml": "npm:smol-toml",
  "std/ulid": "npm:ulid",
  "std/uuid": "npm:uuid",
  "std/xml": "npm:fast-xml-parser",
  "std/yaml": "npm:yaml",
  "hono/hono": "npm:hono",
  "supabase/supabase-js": "npm:@supabase/supabase-js",
  "valibot/valibot": "npm:valibot",
  "zod/zod": "npm:zod",
};

/** `jsr:@std/path@1/posix`, also with a slash after the colon. */
const JSR = /^jsr:\/?@([a-z\d-]+\/[a-z\d-]+)(?:@[^/]*)?(?:\/|$)/;
/** Hosts that serve packages of npm, with the path before the name. */
const CDN =
  /^https:\/\/(?:esm\.sh\/(?:v\d+\/)?|unpkg\.com\/|cdn\.skypack\.dev\/|cdn\.jsdelivr\.net\/npm\/|cdn\.esm\.sh\/)(?!(?:gh|jsr|pr)\/)((?:@[\w.~-]+\/)?[\w.~-]+(?:@[\w.^~+-]+)?(?:\/[\w./-]*)?)/i;
/** Modules of Deno's standard library before it moved to jsr. */
const DENO_STD = /^https:\/\/deno\.land\/std(?:@[^/]*)?\/([a-z_]+)/;

const WHY = "builds download from the npm registry alone";
const COPY = "use a package of npm, or put a copy of the files into the commit";

/** Why a module of jsr or by URL cannot be imported, and what to use; undefined for another specifier. */
export function foreignReason(specifier: string): string | undefined {
  if (/^jsr:/i.test(specifier)) {
    return `a package of jsr is not supported, because ${WHY}; ${insteadOfJsr(specifier)}`;
  }
  if (!/^https?:/i.test(specifier)) return undefined;
  return `a module by URL is not supported, because ${WHY}; ${insteadOfUrl(specifier)}`;
}

function insteadOfJsr(specifier: string): string {
  const [, name = ""] = JSR.exec(specifier) ?? [];
  const known = Object.hasOwn(OF_JSR, name) ? OF_JSR[name] : undefined;
  if (known !== undefined) return `use ${known}`;
  if (name === "") return COPY;
  return `${COPY}; a registry that mirrors jsr, named in NPM_CONFIG_REGISTRY of the server, has it as ` +
    `npm:@jsr/${name.replace("/", "__")}`;
}

function insteadOfUrl(specifier: string): string {
  const [, name] = CDN.exec(specifier) ?? [];
  if (name !== undefined) return `use npm:${name.replace(/\/$/, "")}`;
  const [, std] = DENO_STD.exec(specifier) ?? [];
  return std === undefined ? COPY : insteadOfJsr(`jsr:@std/${std.replaceAll("_", "-")}`);
}
