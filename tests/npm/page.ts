/** `docs/npm.md`: the functions and their fates as a page, in Markdown. */
import { type Fate, PACKAGES } from "./packages.ts";

const FOLDER = new URL("functions/", import.meta.url);

/** A function of the suite. */
export interface PackageFunction {
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

A function imports a package as \`npm:NAME@VERSION\`; it is downloaded, checked and bundled when the
commit is finalized, and its version is pinned in the commit's \`deno.lock\`. These packages are used by
a function each, whose exact answers are part of the test suite. Those that call an API over HTTPS call
a server of the tests, through the egress proxy.

## What works`;

const RULES = `## What packages find in a function

- CommonJS and ES modules, by default and named imports, also \`await import("npm:...")\` of a literal
  name; JSON files \`with { type: "json" }\`; WebAssembly that a package carries in its code.
- \`node:\` modules, but \`sqlite\`, \`wasi\`, \`v8\`, \`inspector\` and \`repl\`; timers, \`Buffer\`, streams,
  \`node:crypto\` and Web Crypto; time zones and locales.
- \`process.env\` is empty. \`process.env.NODE_ENV\` is \`development\` where a module names it in full: the
  bundler puts it there. Give packages their keys from
  \`functions.getConfig().secrets\`.
- No file system: \`existsSync\` says that nothing is there, and everything else fails with the code
  \`EACCES\`. Packages that read files of their own at run time (templates, \`.proto\`, \`.wasm\`) cannot.
- \`node:os\` and \`process\` tell of the same machine everywhere: \`hostname()\` is \`localhost\`,
  \`homedir()\` is \`/\`, the user is nobody (65534), one processor, no network interfaces. Memory and load
  are not told.
- No native code (\`.node\` files), no subprocess, no worker thread. No lifecycle script runs, so a
  package that downloads or compiles something when it is installed does without it.
- A POST whose body is a stream, and then a redirect on the same connection of \`node:https\`, hang in the
  runtime itself (Deno 2.9.6; seen with \`node-fetch\`): ask in another order, or use \`fetch\`.
- Connections go through the [egress proxy](egress.md), to hosts of the allowlist alone; nothing can
  listen.
- A package whose exports differ by runtime is the one for Deno, where there is one: Stripe checks webhooks
  by \`constructEventAsync\`, for example.`;
