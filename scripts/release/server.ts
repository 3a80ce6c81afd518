/** Bundles the server and its threads. */
import { build, type Metafile, type Plugin, stop } from "esbuild";
import { basename, join } from "node:path";
import { ROOT } from "./files.ts";
import { sourcesBelow } from "./sources.ts";

/** The folder of the bundled server: as deep as that of `src/shared/installation.ts`, which finds the root. */
export const SERVER_DIR = "src/server";

const ENTRY = "src/main.ts";
/** Modules that a thread runs; `threadModule` finds their bundles by this name. */
const THREAD = /_thread\.ts$/;

/** Packages that are not there at run time. The compiler of the runtime runs in a clone; `pg` tries its native client. */
const ABSENT = ["esbuild", "pg-native"];

/**
 * ES modules of packages whose CommonJS entry no bundler can use: one passes `require` on, so that nobody sees what it
 * loads, and an `import()` would get no names of the other.
 */
const MODULES = {
  "jsonc-parser": "jsonc-parser/lib/esm/main.js",
  "@peculiar/x509": "@peculiar/x509/build/x509.es.js",
};
/** The one CommonJS module that an `import()` may load, because it has no names. */
const WITHOUT_NAMES = "node_modules/reflect-metadata/Reflect.js";

/** Packages made for Node.js call `require` for its modules. That of `node:module` takes 8 ms to load. */
const REQUIRE =
  `const require=(name)=>{const found=process.getBuiltinModule(name);if(found)return found;` +
  `throw Object.assign(new Error("Cannot find module "+name),{code:"MODULE_NOT_FOUND"})};`;

/**
 * Bundles the server and its threads into the directory. Each `import()` stays a file of its own, so that a command loads
 * its modules alone. The source maps contain no sources: they name positions in the files of the repository.
 * @param manifest the `package.json` of the release, which the modules see in place of the project's
 * @returns the paths of all bundled files from the root of the project
 */
export async function bundleServer(directory: string, manifest: unknown): Promise<string[]> {
  const threads = (await sourcesBelow("src")).filter((path) => THREAD.test(path));
  try {
    await Deno.mkdir(directory, { recursive: true });
    const inputs = [
      ...await bundle(directory, manifest, [ENTRY], REQUIRE),
      // Nothing in them calls `require`.
      ...await bundle(directory, manifest, threads, ""),
    ];
    return [...new Set(inputs)].toSorted();
  } finally {
    await stop();
  }
}

/** Bundles entries into the directory. @returns the paths of the bundled files */
async function bundle(
  directory: string,
  manifest: unknown,
  entries: readonly string[],
  banner: string,
): Promise<readonly string[]> {
  const { metafile, outputFiles, warnings } = await build({
    absWorkingDir: ROOT,
    entryPoints: entries.map((path) => ({ in: path, out: basename(path, ".ts") })),
    // The maps name the sources from there: by the same paths wherever the tree is.
    outdir: join(ROOT, SERVER_DIR),
    write: false,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "esnext",
    platform: "node",
    conditions: ["deno"],
    alias: MODULES,
    external: ABSENT,
    // V8 keeps text with other characters in twice the memory, and Deno copies it.
    charset: "ascii",
    // addLicenses writes them.
    legalComments: "none",
    sourcemap: "linked",
    sourcesContent: false,
    metafile: true,
    banner: { js: banner },
    plugins: [replaceManifest(manifest), withoutLocales()],
    logLevel: "silent",
  });
  if (warnings.length > 0) throw new Error(`esbuild warns: ${warnings[0]?.text}`);
  assertNames(metafile);
  if (banner === "") assertNoCommonJs(metafile);
  for (const { path, contents } of outputFiles) {
    await Deno.writeFile(join(directory, basename(path)), contents);
  }
  return bundledFiles(metafile);
}

function replaceManifest(manifest: unknown): Plugin {
  const path = RegExp.escape(join(ROOT, "package.json"));
  return {
    name: "manifest",
    setup(build) {
      build.onLoad({ filter: new RegExp(`^${path}$`) }, () => ({
        contents: JSON.stringify(manifest),
        loader: "json",
      }));
    },
  };
}

/** Leaves out zod's messages in other languages than English, half of zod, which nothing uses. */
function withoutLocales(): Plugin {
  return {
    name: "locales",
    setup(build) {
      build.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
        contents: 'export { default as en } from "./en.js";',
        loader: "js",
      }));
    },
  };
}

/** @throws {Error} for an `import()` of a CommonJS module: the bundle has its default export alone */
function assertNames({ inputs, outputs }: Metafile): void {
  for (const { entryPoint = WITHOUT_NAMES } of Object.values(outputs)) {
    if (inputs[entryPoint]?.format !== "cjs" || entryPoint === WITHOUT_NAMES) continue;
    throw new Error(
      `import() loads the CommonJS module ${entryPoint}; add its ES module to MODULES`,
    );
  }
}

/** @throws {Error} for CommonJS modules, which may call `require` */
function assertNoCommonJs({ inputs }: Metafile): void {
  for (const [path, { format }] of Object.entries(inputs)) {
    if (format === "cjs") throw new Error(`A thread imports the CommonJS module ${path}`);
  }
}

/** The files of which something is in the bundle. */
function bundledFiles({ outputs }: Metafile): string[] {
  const files = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  ).map(([path]) => path);
  return [...new Set(files)];
}
