/** Puts the files that packages read beside their code into a bundle, and gives the code its own location. */

import type { Graph } from "../graph.ts";
import { collectFiles, type PackageCode } from "./collect.ts";
import { PackageFiles } from "./mount.ts";

/** What the script of a bundle needs, if it carries files. */
export interface Carrying {
  /** The bundle, whose CommonJS modules know their paths. */
  readonly bundle: string;
  /** Statements before everything else, on one line. */
  readonly opening: string;
  /** The name of its {@link PackageFiles}. */
  readonly mounted: string;
  /** The name of a function in place of `import()`. */
  readonly imports: string;
  /** The path in the function of the module at a position of the bundle; undefined unless its package has files. */
  readonly pathAt: (position: number) => string | undefined;
}

/** Modules of Node.js that read files. */
export const READING_MODULES: ReadonlySet<string> = new Set([
  "node:fs",
  "node:fs/promises",
  "node:module",
]);

/** A module of the bundle: where it begins, and its package and its path in that. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly name?: string;
  readonly path?: string;
}

/** The comment before each module. */
const COMMENT = /^\/\/ (\S.*)$/gm;
const PACKAGE_MODULE = /^npm:((?:@[^/]+\/)?[^/@]+@[^/]+)\/(.+)$/;

/**
 * The bundle with the files of its packages.
 * @param bundle with renamed modules
 * @param limits as of {@link collectFiles}
 * @returns undefined if the packages have no such files; the script stays as it is
 */
export async function carryFiles(
  bundle: string,
  graph: Graph,
  limits: { readonly roots: readonly string[]; readonly bytesMax: number },
): Promise<Carrying | undefined> {
  const parts = partsOf(bundle);
  const files = await collectFiles(codesOf(bundle, parts), graph, limits);
  if (files.size === 0) return undefined;
  const packages = new Set([...files.keys()].map((path) => packageOf(path)));
  const [mounted, required, imports] = namesFor(bundle);
  const carrying = parts.filter(({ name }) => name !== undefined && packages.has(name));
  const located = locate(bundle, carrying, { mounted, required });
  const source = JSON.stringify(`(${PackageFiles})\n//# sourceURL=node:function`);
  const table = JSON.stringify(Object.fromEntries(files));
  const builtins = `(await import("node:fs")).default, (await import("node:stream")).Readable`;
  return {
    bundle: located,
    opening: [
      `const ${mounted} = new ((0, eval)(${source}))(${table}, ${builtins});`,
      `const ${required} = () => __require;`,
      `const ${imports} = async (name) => ${mounted}.wrap(name.replace(/^(?!node:)/, "node:"), await import(name));`,
    ].join(" "),
    mounted,
    imports,
    pathAt: pathsAt(located, packages),
  };
}

function partsOf(bundle: string): readonly Part[] {
  const comments = [...bundle.matchAll(COMMENT)];
  return comments.map(({ index, 1: comment = "" }, at) => {
    const [, name, path] = PACKAGE_MODULE.exec(comment) ?? [];
    const range = { start: index, end: comments[at + 1]?.index ?? bundle.length };
    return name === undefined || path === undefined ? range : { ...range, name, path };
  });
}

function codesOf(bundle: string, parts: readonly Part[]): readonly PackageCode[] {
  const codes = new Map<string, { name: string; texts: string[]; modules: Set<string> }>();
  for (const { name, path, start, end } of parts) {
    if (name === undefined || path === undefined) continue;
    const code = codes.get(name) ?? { name, texts: [], modules: new Set<string>() };
    codes.set(name, code);
    code.texts.push(bundle.slice(start, end));
    code.modules.add(path);
  }
  return [...codes.values()];
}

function packageOf(path: string): string {
  return /^\/npm\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? "";
}

/** Three names that the bundle does not contain. The last has at most as many characters as `import`. */
function namesFor(bundle: string): readonly [string, string, string] {
  const unused = (letter: string) => {
    for (let count = 0;; count++) {
      const name = `$${letter}${count}`;
      if (!bundle.includes(name)) return name;
    }
  };
  return [unused("f"), unused("r"), unused("i")];
}

/** The first line of a CommonJS module, behind the line of its variable. */
const COMMON_JS = /(?<=__commonJS\(\{\n) {2}"npm:[^"\n]+"\([\w$, ]*\) \{$/m;
const LOCATION = /\b__(?:dirname|filename)\b/;
const COMPUTED_REQUIRE = /\b__require(?:\.resolve\b|\((?!"))/;

/** The bundle whose CommonJS modules of packages with files have their own `__dirname`, `__filename` and `require`. */
function locate(
  bundle: string,
  parts: readonly Part[],
  { mounted, required }: { readonly mounted: string; readonly required: string },
): string {
  const pieces: string[] = [];
  let position = 0;
  for (const { start, end, name, path } of parts) {
    const text = bundle.slice(start, end);
    const head = COMMON_JS.exec(text);
    const own = `/npm/${name}/${path}`;
    if (head === null) {
      const named = nameLocation(text, own, mounted);
      if (named === text) continue;
      pieces.push(bundle.slice(position, start), named);
      position = end;
      continue;
    }
    const added = [
      ...LOCATION.test(text)
        ? [
          `__filename = ${JSON.stringify(own)}`,
          `__dirname = ${JSON.stringify(own.slice(0, own.lastIndexOf("/")))}`,
        ]
        : [],
      ...COMPUTED_REQUIRE.test(text)
        ? [`__require = ${mounted}.require(${JSON.stringify(own)}, ${required}())`]
        : [],
    ];
    if (added.length === 0) continue;
    const at = start + head.index + head[0].length;
    pieces.push(bundle.slice(position, at), ` var ${added.join(", ")};`);
    position = at;
  }
  return pieces.join("") + bundle.slice(position);
}

/** `__dirname` and `__filename` as global names. */
const GLOBAL_LOCATION = /(?<![\w$."'`])__(dirname|filename)(?![\w$"'`:])/g;

/** ES modules that were CommonJS use the names as well. */
function nameLocation(text: string, path: string, mounted: string): string {
  if (
    !LOCATION.test(text) || /\b(?:var|let|const|function|class)\s+__(?:dir|file)name\b/.test(text)
  ) {
    return text;
  }
  return text.replace(
    GLOBAL_LOCATION,
    (_, kind) => `${mounted}.meta(${JSON.stringify(path)}).${kind}`,
  );
}

function pathsAt(bundle: string, packages: ReadonlySet<string>): Carrying["pathAt"] {
  const parts = partsOf(bundle);
  let at = 0;
  return (position) => {
    if ((parts[at]?.start ?? 0) > position) at = 0;
    while ((parts[at]?.end ?? Infinity) <= position) at++;
    const { name, path } = parts[at] ?? {};
    return name !== undefined && packages.has(name) ? `/npm/${name}/${path}` : undefined;
  };
}
