/** Renders `docs/npm.md`, the functions of tests/npm and their results in Markdown. */
import { type Fate, PACKAGES } from "../tests/npm/packages.ts";

const FOLDER = new URL("../tests/npm/functions/", import.meta.url);

/** A function of the suite. */
interface PackageFunction {
  /** Name of its file without `.ts`. */
  readonly name: string;
  readonly source: string;
}

/** Every function in `functions/`, in the order of the table. */
export async function readFunctions(): Promise<readonly PackageFunction[]> {
  const order = Object.keys(PACKAGES);
  const functions: PackageFunction[] = [];
  for await (const { name: file } of Deno.readDir(FOLDER)) {
    const name = file.replace(/\.ts$/, "");
    functions.push({ name, source: await Deno.readTextFile(new URL(file, FOLDER)) });
  }
  return functions.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

/** The page. */
export function renderNpmPage(functions: readonly PackageFunction[]): string {
  const fateOf = ({ name }: PackageFunction): Fate | undefined => PACKAGES[name];
  const works = functions.filter((fn) => "output" in (fateOf(fn) ?? {}));
  const fails = functions.flatMap((fn) => {
    const fate = fateOf(fn);
    return fate !== undefined && "at" in fate ? [row(fn, fate.reason)] : [];
  });
  return [
    INTRODUCTION,
    table(["Package", "Used for"], works.map((fn) => row(fn, purposeOf(fn)))),
    "## What does not work",
    table(["Package", "Why"], fails),
    NAMES,
    SHARED,
    FILES,
    RULES,
  ].join("\n\n") + "\n";
}

function table(heads: readonly string[], rows: readonly string[]): string {
  return [`| ${heads.join(" | ")} |`, `| ${heads.map(() => "---").join(" | ")} |`, ...rows]
    .join("\n");
}

function row(fn: PackageFunction, text: string): string {
  const link = `[function](../tests/npm/functions/${fn.name}.ts)`;
  return `| ${packagesOf(fn).join(", ")} | ${text} (${link}) |`;
}

/** The packages that a function imports, with their versions and without paths in them. */
function packagesOf({ source }: PackageFunction): readonly string[] {
  const found = source.matchAll(/"npm:((?:@[\w.-]+\/)?[\w.-]+@[\w.-]+)/g);
  return [...new Set([...found].map(([, name = ""]) => `\`${name}\``))];
}

function purposeOf({ source }: PackageFunction): string {
  return /^\/\*\* (.*) \*\/$/m.exec(source)?.[1] ?? "";
}

const INTRODUCTION = `<!-- deno-fmt-ignore-file -->
<!-- Generated from tests/npm by \`deno task docs\`; do not edit. -->

# npm packages

A function imports a package as \`npm:NAME@VERSION\`, or by a [name of its project](#names-and-aliases). Finalizing a commit downloads, checks and bundles
it, and pins its version in the commit's \`deno.lock\`. Each package below is used by a function whose
answers the test suite checks. Those that call an API over HTTPS call a server of the tests, through
the egress proxy.

## What works`;

const NAMES = `## Names and aliases

Imports resolve as in an editor: in the build, the type check, \`invoked dev\` and \`invoked test\`.

\`\`\`jsonc
// deno.json or deno.jsonc
{
  "imports": {
    "zod": "npm:zod@^4", // zod, zod/v4
    "path": "node:path",
    "@/": "./src/" // @/text.ts
  }
}
\`\`\`

\`\`\`jsonc
// package.json
{
  "dependencies": { "hono": "^4.13.0", "old-ms": "npm:ms@2.1.1" },
  "imports": { "#lib/*": "./lib/*.ts" } // #lib/text
}
\`\`\`

- **Folders:** a file counts for its folder and those below; the deeper one wins, and \`deno.json\` wins
  over \`package.json\`.
- **Dependencies:** those for development, optional ones and peers count, too. Only what a module imports is
  downloaded.
- **Versions:** the nearest \`deno.lock\` decides. Without one, finalizing locks the newest that fit. Lock files
  of other package managers have no effect.
- **Ranges** begin with \`^\` or \`~\`, or name a version or a tag. \`>=1 <3\` and \`^1 || ^2\` are rejected.
- **Modules of the server:** \`@c1/functions-sdk\` and \`@c1/test\` cannot be mapped.
- **Rejected where they are imported**, with the file and the line: \`jsr:\` and \`https:\` imports, and the
  versions \`workspace:\`, \`file:\`, \`link:\`, \`catalog:\` and those of git.
- **Rejected in a file that counts:** \`scopes\`, \`importMap\`, \`links\`, \`paths\` of \`compilerOptions\`, and keys
  that are paths or URLs.
- **Options:** builds and type checks take JSX, decorators and the options of strictness from
  \`compilerOptions\` of \`deno.json\`.
- **Without effect:** every other field, and \`tsconfig.json\`.

Builds download from the npm registry alone, so \`jsr:@std/path\` and \`https://esm.sh/zod\` do not work.
The error names \`node:path\` or \`npm:zod\` if it knows what to use. A registry that mirrors jsr has its packages as
\`npm:@jsr/SCOPE__NAME\`; \`NPM_CONFIG_REGISTRY\` of the server names it.`;

const SHARED = `## Shared code

Functions of one repository share modules if \`invoked.json\` names a folder above as its \`root\`:

\`\`\`text
deno.json                     {"imports": {"@acme/text": "./packages/text/mod.ts"}}
packages/text/mod.ts
functions/greet/invoked.json  {"name": "greet", "root": "../.."}
functions/greet/main.ts       import { greet } from "@acme/text";
\`\`\`

- **What a commit has:** the function's own folder, the modules above it that \`main.ts\` and \`main.test.ts\`
  import, the \`deno.json\` and \`package.json\` files that count for them, and the nearest \`deno.lock\`.
- **What it never has:** files that \`.gitignore\` or \`.invokedignore\` excludes in any of these folders, and hidden
  ones. A link, and an import that leaves the root, end the command with an error.
- **Where:** \`main.ts\` stays at the top of the commit. A file above is in \`_root/\` with its path from the root.
  \`_root/invoked.json\` names the function's folder, as in \`{"folder": "functions/greet"}\`. A client of the API can make
  such a commit, too.
- **Paths** in errors, stacks and \`invoked diff\` are those of the author, such as \`../../packages/text/mod.ts\`.
- **Saves** of these files start \`invoked dev\` and \`invoked test --watch\`.
- **Packages of a workspace** are not found by their names: map the name to a path, as above.

A C1 tenant does not know roots.`;

const FILES = `## Files of packages

Fonts, templates, dictionaries and WebAssembly beside a package's code are carried in the commit's script, and the
package reads them as in Node.js: by functions of \`node:fs\` and \`Deno\`, by \`fetch\` of a \`file:\` URL, and by
\`require.resolve\`, relative to \`__dirname\` or \`import.meta.url\`.

- **Which:** a file is carried if the bundled code of its package contains the file's name, such as
  \`Helvetica.afm\`, or the names of both its directory and its ending. Links, native code, types and source maps are never carried.
- **Where:** below \`/npm/NAME@VERSION/\`, read-only, of packages that the commit locked. Nothing there reaches the
  machine's files.
- **Limits:** 10 MiB for a file, 12 MiB and 1,000 files for a commit (\`PACKAGE_FILE_BYTES_MAX\`,
  \`PACKAGE_FILES_BYTES_MAX\`, \`PACKAGE_FILES_MAX\`), and what \`--max-artifact\` leaves; in the script each has a
  third more. Reading a file with too many bytes fails with \`EFBIG\`, any other one with \`ENOENT\`.
- **Cost:** each call that loads the script loads its files. Functions without such packages pay nothing.`;

const RULES = `## What packages find in a function

- **Modules:** CommonJS and ES modules, by default and named imports, and \`await import("npm:...")\` of a
  literal name; JSON files \`with { type: "json" }\`; WebAssembly in the package's code.
- **APIs:** \`node:\` modules except \`sqlite\`, \`wasi\`, \`v8\`, \`inspector\` and \`repl\`; timers, \`Buffer\`,
  streams, \`node:crypto\` and Web Crypto; time zones and locales.
- **Environment:** \`process.env\` is empty. The bundler replaces a literal \`process.env.NODE_ENV\` by
  \`development\`. Pass keys from \`functions.getConfig().secrets\`.
- **No file system:** \`existsSync\` answers \`false\`, and everything else fails with \`EACCES\`, except for
  [files of packages](#files-of-packages).
- **One machine:** \`node:os\` and \`process\` have constant answers: \`hostname()\` is \`localhost\`,
  \`homedir()\` is \`/\`, the user is 65534, with one processor and no network interfaces. Memory and load
  are hidden.
- **No native code** (\`.node\` files), subprocess or worker thread. Lifecycle scripts do not run. Optional
  modules that a package does not have fail when the package requires them, with \`MODULE_NOT_FOUND\`.
- **Network:** connections go through the [egress proxy](egress.md), to hosts of the allowlist only.
  Nothing can listen: \`export default { fetch }\` answers HTTP requests, with Hono, or with an
  [Express app](../tests/npm/functions/express.ts) that is called without a port.
- **Errors** name the package that tried what no function can do, the reason, and what works instead. Imports that
  can never work, such as \`node:sqlite\`, fail when the commit is finalized.
- **Exports by runtime:** a package's exports for Deno are used. Stripe checks webhooks by
  \`constructEventAsync\`, for example.
- **Known fault:** a POST with a stream as its body, then a redirect on the same connection of
  \`node:https\`, hangs in Deno 2.9.6 (seen with \`node-fetch\`). Use \`fetch\`, or change the order.`;
