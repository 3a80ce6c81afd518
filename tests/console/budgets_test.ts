/** What a page of the console loads first, and what its editor adds, in compressed bytes. */
import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const KIB = 1024;
/** Of every page, without the editor. */
const PAGE_BYTES_MAX = 200 * KIB;
/** Of every page, without the editor: a browser asks for six at a time, and a slow network takes half a second for each. */
const PAGE_FILES_MAX = 32;
/** Of the editor, beside the page that shows it: 882 KiB, and a tenth. */
const EDITOR_BYTES_MAX = 970 * KIB;
/** Of the editor's worker that knows TypeScript: 1,452 KiB, and a tenth. */
const WORKER_BYTES_MAX = 1_600 * KIB;

const ROOT = new URL("../../", import.meta.url);
const DIST = new URL("console/dist/", ROOT);
const ENTRY = "index.html";
const TABS_OF = "src/features/function/function_page.tsx";

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly css?: readonly string[];
  readonly assets?: readonly string[];
}

type Manifest = Readonly<Record<string, Chunk>>;

async function build(): Promise<Manifest> {
  const { success, stderr } = await new Deno.Command(new URL("scripts/console", ROOT).pathname)
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(await readFile(new URL(".vite/manifest.json", DIST), "utf8"));
}

/** The files that chunks load before they run: those of their static imports, and styles. */
function filesOf(manifest: Manifest, keys: readonly string[]): Set<string> {
  const [files, pending, seen] = [new Set<string>(), [...keys], new Set<string>()];
  for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
    const chunk = manifest[key];
    assert.ok(chunk !== undefined, `the build has no ${key}`);
    if (seen.has(key)) continue;
    seen.add(key);
    for (const file of [chunk.file, ...chunk.css ?? []]) files.add(file);
    pending.push(...chunk.imports ?? []);
  }
  return files;
}

const compressed = new Map<string, Promise<number>>();

async function bytesOf(files: Iterable<string>): Promise<number> {
  const sizes = [...files].map((file) => {
    const known = compressed.get(file) ?? sizeOf(file);
    compressed.set(file, known);
    return known;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function sizeOf(file: string): Promise<number> {
  const built = await stat(new URL(`${file}.gz`, DIST)).catch(() => undefined);
  if (built !== undefined) return built.size;
  return (await promisify(gzip)(await readFile(new URL(file, DIST)))).length;
}

function inKib(bytes: number): string {
  return `${(bytes / KIB).toFixed(1).padStart(8)} KiB`;
}

Deno.test("pages and the editor of the console keep within their budgets", async () => {
  const manifest = await build();
  const pages = Object.keys(manifest).filter((key) =>
    /^src\/features\/.*_(?:page|tab)\.tsx$/.test(key)
  );
  assert.ok(pages.length >= 12, `${pages.length} pages`);
  const over: string[] = [];
  const first = filesOf(manifest, [ENTRY]);
  const table: (readonly [string, number])[] = [["the entry", await bytesOf(first)]];
  for (const page of pages) {
    const keys = page.endsWith("_tab.tsx") ? [ENTRY, TABS_OF, page] : [ENTRY, page];
    const files = filesOf(manifest, keys);
    const bytes = await bytesOf(files);
    table.push([page.replace(/^src\/features\/|\.tsx$/g, ""), bytes]);
    if (bytes > PAGE_BYTES_MAX) over.push(page);
    if (files.size > PAGE_FILES_MAX) over.push(`${page}: ${files.size} files`);
  }
  const editors = Object.keys(manifest).filter((key) => /^src\/parts\/monaco\/.*\.tsx$/.test(key));
  const ofEditor = filesOf(manifest, editors).difference(first);
  const editor = await bytesOf(ofEditor);
  if (editor > EDITOR_BYTES_MAX) over.push("the editor");
  const names = (await Array.fromAsync(Deno.readDir(new URL("assets/", DIST)))).map(({ name }) =>
    name
  );
  const worker = await bytesOf(
    names.filter((name) => /^ts\.worker-.*\.js$/.test(name)).map((name) => `assets/${name}`),
  );
  if (worker > WORKER_BYTES_MAX) over.push("the worker of TypeScript");
  table.push(["the editor", editor], ["its worker of TypeScript", worker]);
  console.log(table.map(([name, bytes]) => `${inKib(bytes)}  ${name}`).join("\n"));
  assert.deepEqual(over, []);
});
