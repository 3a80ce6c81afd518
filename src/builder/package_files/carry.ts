/** Puts the files that packages read beside their code into a bundle, and gives the code its own location. */

import type { Graph } from "../graph.ts";
import { commentName } from "../layout.ts";
import { collectFiles, type PackageCode } from "./collect.ts";
import { PackageFiles } from "./mount.ts";

/** What the script of a bundle needs, if it carries files. */
export type Carrying = Readonly<NonNullable<Awaited<ReturnType<typeof carryFiles>>>>;

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
 * @param limits as of {@link collectFiles}, and the names of modules that are not of packages
 * @returns undefined if the packages have no such files, and the script needs no change
 */
export async function carryFiles(
  bundle: string,
  graph: Graph,
  { modules, ...limits }: {
    readonly roots: readonly string[];
    readonly bytesMax: number;
    readonly modules: ReadonlySet<string>;
  },
) {
  const parts = partsOf(bundle, modules);
  const codes = codesOf(bundle, parts);
  const files = await collectFiles(codes, graph, limits);
  if (files.size === 0 && !codes.some(looksAround)) return undefined;
  const packages = new Set([...files.keys()].map((path) => packageOf(path)));
  const unused = unusedNames(bundle);
  const [mounted, required, imports] = [unused("$f"), unused("$r"), unused("$i")];
  const carrying = parts.filter(({ name }) => name !== undefined && packages.has(name));
  const located = locate(bundle, carrying, { mounted, required, unused });
  const source = JSON.stringify(`(${PackageFiles})\n//# sourceURL=node:function`);
  const table = JSON.stringify(Object.fromEntries(files));
  const builtins = `(await import("node:fs")).default, (await import("node:stream")).Readable`;
  return {
    /** The bundle, whose CommonJS modules know their paths. */
    bundle: located.bundle,
    /** Statements before everything else, on one line. */
    opening: [
      `const ${mounted} = new ((0, eval)(${source}))(${table}, ${builtins});`,
      `const ${required} = () => __require;`,
      `const ${imports} = async (name) => ${mounted}.wrap(name.replace(/^(?!node:)/, "node:"), await import(name));`,
      ...located.opening,
    ].join(" "),
    /** The name of its {@link PackageFiles}. */
    mounted,
    /** The name of a function in place of `import()`. */
    imports,
    /** The path in the function of the module at a position of the bundle; undefined unless its package has files. */
    pathAt: pathsAt(partsOf(located.bundle, modules), packages),
  };
}

/** Packages look for their files from the working directory as well, such as `mjml` without a path. */
function looksAround({ texts }: PackageCode): boolean {
  return texts.some((text) => /\bl?stat(?:Sync)?\b/.test(text) && /(["'`])\.\1/.test(text));
}

/** A line of a text in a module may look like a comment: it begins no part unless it names a module. */
function partsOf(bundle: string, modules: ReadonlySet<string>): readonly Part[] {
  const comments = [...bundle.matchAll(COMMENT)].filter(([, comment = ""]) =>
    PACKAGE_MODULE.test(comment) || modules.has(commentName(comment))
  );
  return comments.map(({ index, 1: comment = "" }, at) => {
    const [, name, path] = PACKAGE_MODULE.exec(comment) ?? [];
    const range = { start: index, end: comments[at + 1]?.index ?? bundle.length };
    return name === undefined || path === undefined ? range : { ...range, name, path };
  });
}

function codesOf(bundle: string, parts: readonly Part[]): readonly PackageCode[] {
  const modules = parts.flatMap(({ name, path, start, end }) =>
    name === undefined || path === undefined ? [] : [{ name, path, text: bundle.slice(start, end) }]
  );
  return Array.from(Map.groupBy(modules, ({ name }) => name), ([name, group]) => ({
    name,
    texts: group.map(({ text }) => text),
    modules: new Set(group.map(({ path }) => path)),
  }));
}

function packageOf(path: string): string {
  return /^\/npm\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? "";
}

/** Returns names that the bundle does not contain, each once. */
function unusedNames(bundle: string): (prefix: string, length?: number) => string {
  let count = 0;
  return (prefix, length = 0) => {
    for (;;) {
      const name = prefix + (count++).toString(36).padStart(length - prefix.length, "0");
      if (!bundle.includes(name)) return name;
    }
  };
}

/** The first line of a CommonJS module, behind the line of its variable. */
const COMMON_JS = /(?<=__commonJS\(\{\n) {2}"npm:[^"\n]+"\([\w$, ]*\) \{$/m;
const LOCATION = /\b__(?:dirname|filename)\b/;
const COMPUTED_REQUIRE = /\b__require(?:\.resolve\b|\((?!"))/;

interface Names {
  readonly mounted: string;
  readonly required: string;
  readonly unused: ReturnType<typeof unusedNames>;
}

/** The bundle whose modules of packages with files know where they are, and statements before it. */
function locate(
  bundle: string,
  parts: readonly Part[],
  { mounted, required, unused }: Names,
): { readonly bundle: string; readonly opening: readonly string[] } {
  const pieces: string[] = [];
  const opening: string[] = [];
  let position = 0;
  for (const { start, end, name, path } of parts) {
    const text = bundle.slice(start, end);
    const head = COMMON_JS.exec(text);
    const own = `/npm/${name}/${path}`;
    const locations = {
      filename: JSON.stringify(own),
      dirname: JSON.stringify(own.slice(0, own.lastIndexOf("/"))),
    };
    if (head === null) {
      if (!LOCATION.test(text) || OWN_LOCATION.test(text)) continue;
      // Of the same length, so that columns stay. A text or a pattern that contains the name stays valid.
      const names = { filename: unused("__file", 10), dirname: unused("__dir", 9) };
      pieces.push(
        bundle.slice(position, start),
        text.replace(GLOBAL_LOCATION, (_, kind: keyof typeof names) => names[kind]),
      );
      opening.push(
        `const ${names.filename} = ${locations.filename}, ${names.dirname} = ${locations.dirname};`,
      );
      position = end;
      continue;
    }
    const added = [
      ...LOCATION.test(text)
        ? [`__filename = ${locations.filename}`, `__dirname = ${locations.dirname}`]
        : [],
      ...COMPUTED_REQUIRE.test(text)
        ? [`__require = ${mounted}.require(${locations.filename}, ${required}())`]
        : [],
    ];
    if (added.length === 0) continue;
    const at = start + head.index + head[0].length;
    pieces.push(bundle.slice(position, at), ` var ${added.join(", ")};`);
    position = at;
  }
  return { bundle: pieces.join("") + bundle.slice(position), opening };
}

/** `__dirname` and `__filename` as global names. ES modules that were CommonJS use them as well. */
const GLOBAL_LOCATION = /(?<![\w$."'`])__(dirname|filename)(?![\w$"'`:])/g;
/** A module's own names. For some ES modules, the bundler declares these names in a list and assigns them later. */
const OWN_LOCATION =
  /\b(?:var|let|const|function|class)\s+__(?:dir|file)name\b|\b__(?:dir|file)name\s*=(?!=)/;

function pathsAt(parts: readonly Part[], packages: ReadonlySet<string>) {
  let at = 0;
  return (position: number): string | undefined => {
    if ((parts[at]?.start ?? 0) > position) at = 0;
    while ((parts[at]?.end ?? Infinity) <= position) at++;
    const { name, path } = parts[at] ?? {};
    return name !== undefined && packages.has(name) ? `/npm/${name}/${path}` : undefined;
  };
}
