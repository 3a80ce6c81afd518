import { brotliCompress, constants, gzip } from "node:zlib";
import { promisify } from "node:util";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

/** Files that are smaller are sent as they are. */
const MIN_COMPRESSED_BYTES = 1024;
const COMPRESSIBLE = /\.(?:js|css|html|svg|ttf|json)$/;

/** Writes `.br` and `.gz` beside each file, so that the server compresses nothing. */
function precompress(): Plugin {
  return {
    name: "precompress",
    async writeBundle({ dir }) {
      if (dir === undefined) return;
      const names = await readdir(dir, { recursive: true });
      await Promise.all(
        names.filter((name) => COMPRESSIBLE.test(name)).map((name) => compress(join(dir, name))),
      );
    },
  };
}

async function compress(path: string): Promise<void> {
  const content = await readFile(path);
  if (content.length < MIN_COMPRESSED_BYTES) return;
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: content.length > 1 << 20 ? 5 : 10,
  };
  await Promise.all([
    writeFile(
      `${path}.br`,
      await promisify(brotliCompress)(content, { params }),
    ),
    writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 })),
  ]);
}

/** Modules of Monaco's languages: one imports all features, which the console chooses itself; the others build workers. */
const MONACO_FEATURES = /monaco-editor\/esm\/vs\/internal\/common\/workers\.js$/;
const MONACO_WORKERS = /monaco-editor\/esm\/vs\/languages\/features\/\w+\/workerManager\.js$/;

/** Leaves out of Monaco what `parts/monaco` has in its stead. */
function onlyChosenParts(): Plugin {
  return {
    name: "only-chosen-parts",
    transform(code, id) {
      if (MONACO_FEATURES.test(id)) return code.replace(/^import '[^']+';$/gm, "");
      if (MONACO_WORKERS.test(id)) return code.replace(/^\s*createWorker: .*$/gm, "");
      return undefined;
    },
  };
}

/** Shared modules with fewer bytes of source than this are merged with the shared modules of other pages. */
const SHARED_BYTES_MIN = 2 * 1024;

/**
 * Modules that are loaded together are one file. A browser asks for six files at a time, so on a slow network each further
 * file costs more than the bytes of a few modules that a page does not need. The editor keeps files of its own.
 */
const CHUNKS = [
  { name: "console", tags: ["$initial" as const] },
  {
    name: "shared",
    test: (id: string) => !/(?:parts|node_modules)[\\/]monaco/.test(id),
    minShareCount: 2,
    entriesAware: true,
    entriesAwareMergeThreshold: SHARED_BYTES_MIN,
  },
];

export default defineConfig({
  root: import.meta.dirname ?? ".",
  publicDir: "public",
  appType: "spa",
  plugins: [onlyChosenParts(), precompress()],
  build: {
    target: "es2023",
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 8192,
    manifest: true,
    // What a release names in its licenses and its bill of materials.
    license: { fileName: ".vite/license.json" },
    rolldownOptions: {
      onLog(level, log, handle) {
        // "use client" concerns rendering on a server.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") handle(level, log);
      },
      output: { codeSplitting: { groups: CHUNKS } },
    },
  },
  worker: { format: "es" },
});
