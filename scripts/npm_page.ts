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

A function imports a package as \`npm:NAME@VERSION\`, or by a [name of its project](#names-and-aliases). Finalizing a
commit downloads, checks and bundles the package, and pins its version in the commit's \`deno.lock\`. The test suite runs
a function with each package below and checks its output. Functions that call an API over HTTPS call a server of the
tests through the egress proxy.

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

- **Folders:** a configuration file applies to its folder and the folders below. The deeper file takes precedence, and
  \`deno.json\` takes precedence over \`package.json\`.
- **Dependencies:** development, optional and peer dependencies count, too. A build downloads only packages that a module
  imports.
- **Versions:** the nearest \`deno.lock\` determines versions. Without a lock file, finalizing locks the newest matching
  versions. Lock files of other package managers have no effect.
- **Ranges** begin with \`^\` or \`~\`, or are a version or a tag. \`>=1 <3\` and \`^1 || ^2\` are rejected.
- **Modules of the server:** \`@c1/functions-sdk\` and \`@c1/test\` cannot be mapped.
- **Rejected imports**, with file and line: \`jsr:\` and \`https:\` imports, and the versions \`workspace:\`, \`file:\`,
  \`link:\`, \`catalog:\` and git URLs.
- **Rejected configuration:** \`scopes\`, \`importMap\`, \`links\`, \`paths\` of \`compilerOptions\`, and keys that are paths
  or URLs.
- **Options:** builds and type checks use JSX, decorators and strictness options from \`compilerOptions\` of \`deno.json\`.
  Every other field, and \`tsconfig.json\`, has no effect.

Builds download only from the npm registry, so \`jsr:@std/path\` and \`https://esm.sh/zod\` do not work. The error
suggests \`node:path\` or \`npm:zod\` where such an alternative is known. If a registry mirrors jsr, its packages are named
\`npm:@jsr/SCOPE__NAME\`; set \`NPM_CONFIG_REGISTRY\` of the server to that registry.`;

const SHARED = `## Shared code

Functions of one repository share modules if \`invoked.json\` names a folder above as its \`root\`:

\`\`\`text
deno.json                     {"imports": {"@acme/text": "./packages/text/mod.ts"}}
packages/text/mod.ts
functions/greet/invoked.json  {"name": "greet", "root": "../.."}
functions/greet/main.ts       import { greet } from "@acme/text";
\`\`\`

- **A commit contains** the function's own folder, the modules above that \`main.ts\` and \`main.test.ts\` import, the
  \`deno.json\` and \`package.json\` files that apply to these modules, and the nearest \`deno.lock\`.
- **A commit never contains** hidden files, and files that \`.gitignore\` or \`.invokedignore\` excludes in any of these
  folders. Links, and imports that leave the root, fail the command.
- **Layout:** \`main.ts\` stays at the top of the commit. Files above are in \`_root/\` with their paths from the root.
  \`_root/invoked.json\` names the function's folder, as in \`{"folder": "functions/greet"}\`. API clients can create
  such commits, too.
- **Paths** in errors, stacks and \`invoked diff\` are the author's paths, such as \`../../packages/text/mod.ts\`.
- **Saving** one of these files triggers \`invoked dev\` and \`invoked test --watch\`.
- **Workspace packages** cannot be imported by name: map the name to a path, as above.

A C1 tenant does not support \`root\`.`;

const FILES = `## Files of packages

A commit's script carries fonts, templates, dictionaries and WebAssembly files of packages. A package reads
these files as in Node.js, relative to \`__dirname\` or \`import.meta.url\`: with the functions of \`node:fs\` and
\`Deno\` that take a path (not \`open\`). \`fetch\` of a \`file:\` URL and \`require.resolve\` also work.

- **Selection:** the script carries a file if the bundled code of its package contains the file's name, such as
  \`Helvetica.afm\`, or the names of both its directory and its extension. Links, native code, types and source maps are
  never carried. A package can read carried code, but can load only carried JSON.
- **Location:** the files are read-only below \`/npm/NAME@VERSION/\`. The machine's own files are not reachable.
- **Limits:** 10 MiB per file, and 12 MiB and 1,000 files per commit (\`PACKAGE_FILE_BYTES_MAX\`,
  \`PACKAGE_FILES_BYTES_MAX\`, \`PACKAGE_FILES_MAX\`), within \`--max-artifact\`; a file occupies a third more in the
  script. Reading a file above the limit fails with \`EFBIG\`, and reading any other file with \`ENOENT\`.
- **Cost:** each invocation that evaluates the script loads its files. Functions without such packages have no extra cost.`;

const RULES = `## The environment of packages

- **Modules:** CommonJS and ES modules, with default and named imports; \`await import("npm:...")\` of a
  literal name; JSON files \`with { type: "json" }\`; WebAssembly in the package's code.
- **APIs:** \`node:\` modules except \`sqlite\`, \`wasi\`, \`v8\`, \`inspector\` and \`repl\`; timers, \`Buffer\`,
  streams, \`node:crypto\` and Web Crypto; time zones and locales.
- **Environment:** \`process.env\` is empty. The bundler replaces a literal \`process.env.NODE_ENV\` by
  \`development\`. Pass keys from \`functions.getConfig().secrets\`.
- **No file system:** \`existsSync\` returns \`false\`, and other file access fails with \`EACCES\`, except for
  [files of packages](#files-of-packages).
- **Machine:** \`node:os\` and \`process\` return constants: \`hostname()\` is \`localhost\`,
  \`homedir()\` is \`/\`, and the user is 65534, with one processor and no network interfaces. Memory and load
  are hidden.
- **No native code** (\`.node\` files), subprocesses or worker threads. Lifecycle scripts do not run. If a package
  requires an optional module that is missing, the require fails with \`MODULE_NOT_FOUND\`.
- **Network:** connections pass through the [egress proxy](egress.md) to hosts of the allowlist only.
  Functions cannot listen. To answer HTTP requests, use \`export default { fetch }\`, with Hono or with an
  [Express app](../tests/npm/functions/express.ts) that is called without a port.
- **Errors** name the package, the impossible action, and an alternative. Imports that
  can never work, such as \`node:sqlite\`, fail when the commit is finalized.
- **Exports by runtime:** builds use a package's exports for Deno. For example, Stripe verifies webhooks with
  \`constructEventAsync\`.
- **Known bug:** in Deno 2.9.6, a POST with a streamed body, followed by a redirect on the same connection of
  \`node:https\`, hangs (seen with \`node-fetch\`). Use \`fetch\`, or change the order.`;
