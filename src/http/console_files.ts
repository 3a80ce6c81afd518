/** The built files of the console, as they are on disk. */
import { createHash } from "node:crypto";
import { join, relative, sep } from "node:path";
import { OPERATIONS } from "../api/mod.ts";

const INDEX = "/index.html";
/** Bytes of one file that is served: it is read into memory. */
const FILE_BYTES_MAX = 32 * 1024 * 1024;
const FILES_MAX = 10_000;
/** Below it names have a hash of their content. */
const HASHED = "/assets/";
/** Beside a file: its compressed forms, the best first. */
const ENCODINGS = [{ name: "br", suffix: ".br" }, { name: "gzip", suffix: ".gz" }] as const;
export type Encoding = typeof ENCODINGS[number];

/** First parts of the paths of operations and functions, whose answers are no pages. */
const CALLED: ReadonlySet<string> = new Set([
  ...OPERATIONS.map(({ path }) => path.split("/")[1] ?? ""),
  ...["run", "preview"],
]);

/** Whether a path is one of the API or of functions, or could be taken for one: fixed parts of paths are not decoded. */
export function isCalled(path: string): boolean {
  const [, first = ""] = path.split("/");
  return CALLED.has(first) || first.includes("%");
}

/** Whether no file of the console may have a path. */
function isReserved(path: string): boolean {
  return isCalled(path) || path.split("/")[1] === "docs";
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  webmanifest: "application/manifest+json",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  woff2: "font/woff2",
  ttf: "font/ttf",
  wasm: "application/wasm",
  txt: "text/plain; charset=utf-8",
};

/** One file, whose content is read for each request. */
export interface ConsoleFile {
  readonly type: string;
  /** Whether its name changes with its content. */
  readonly isHashed: boolean;
  readonly encodings: readonly Encoding[];
  /** The content in a form, and its ETag; undefined if the file is gone. */
  read(
    encoding: Encoding | undefined,
  ): Promise<{ content: Uint8Array<ArrayBuffer>; etag: string } | undefined>;
}

/** The files by the paths of their URLs: no other path leads to the disk. */
type Files = ReadonlyMap<string, ConsoleFile>;

/** The files in a directory; they are listed anew when another build has put its index there. */
export class ConsoleFiles {
  #files: Files = new Map();
  #index: string | undefined;

  constructor(private readonly directory: string) {}

  /** The page of every route; undefined if the console is not built. */
  async index(): Promise<ConsoleFile | undefined> {
    const index = await stampOf(join(this.directory, INDEX));
    if (index !== this.#index) {
      this.#files = index === undefined ? new Map() : await list(this.directory);
      this.#index = index;
    }
    return this.#files.get(INDEX);
  }

  /** The file at the path of a URL; undefined if the console has none there. */
  async at(path: string): Promise<ConsoleFile | undefined> {
    const found = this.#files.get(path);
    if (found !== undefined) return found;
    // An asset is requested by a page of the newest index.
    if (!path.startsWith(HASHED)) return undefined;
    await this.index();
    return this.#files.get(path);
  }
}

/** What changes when a file is replaced; undefined without it. */
async function stampOf(file: string): Promise<string | undefined> {
  try {
    const { mtime, ino, size } = await Deno.stat(file);
    return `${mtime?.getTime()} ${ino} ${size}`;
  } catch {
    return undefined;
  }
}

async function list(directory: string): Promise<Files> {
  const paths: string[] = [];
  const pending = [directory];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for await (const { name, isFile, isDirectory } of Deno.readDir(at)) {
      const path = join(at, name);
      // A build results in no links and no hidden files to serve.
      if (name.startsWith(".")) continue;
      if (isDirectory) pending.push(path);
      else if (isFile && paths.length < FILES_MAX) paths.push(path);
    }
  }
  const all = new Set(paths);
  const files = new Map<string, ConsoleFile>();
  for (const path of paths) {
    const url = `/${relative(directory, path).split(sep).join("/")}`;
    const isForm = ENCODINGS.some(({ suffix }) =>
      path.endsWith(suffix) && all.has(path.slice(0, -suffix.length))
    );
    if (!isForm && !isReserved(url)) files.set(url, fileOf(path, url, all));
  }
  return files;
}

function fileOf(path: string, url: string, all: ReadonlySet<string>): ConsoleFile {
  const etags = new Map<string, string>();
  return {
    type: TYPES[/\.(\w+)$/.exec(url)?.[1] ?? ""] ?? "application/octet-stream",
    isHashed: url.startsWith(HASHED),
    encodings: ENCODINGS.filter(({ suffix }) => all.has(path + suffix)),
    async read(encoding) {
      const suffix = encoding?.suffix ?? "";
      const content = await contentOf(path + suffix);
      if (content === undefined) return undefined;
      // A hashed file never changes; others are small.
      const etag = (url.startsWith(HASHED) ? etags.get(suffix) : undefined) ?? etagOf(content);
      etags.set(suffix, etag);
      return { content, etag };
    },
  };
}

function etagOf(content: Uint8Array): string {
  return `"${createHash("sha256").update(content).digest("base64url")}"`;
}

async function contentOf(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    if ((await Deno.stat(path)).size > FILE_BYTES_MAX) return undefined;
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
