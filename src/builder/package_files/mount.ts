/** What a script does first if it carries files of packages: it shows them to the functions that read files. */

/** A file that a script carries, as base64, or why it carries it not. */
export type Carried = { readonly base64: string } | { readonly leftOut: string };

/** Functions by their names, whatever their types: each is called with what the package passes. */
// deno-lint-ignore no-explicit-any -- the type of "any function"
type Functions = Record<string, any>;
type Answers = Readonly<Record<string, (path: string, options?: unknown) => unknown>>;
type StatOptions = { readonly throwIfNoEntry?: boolean } | null | undefined;

/**
 * The files of a script. It is evaluated from its text in the function, so it uses nothing of this module. It changes
 * only what the function could change itself. All paths are keys of its table: none reaches the files of the machine.
 */
export class PackageFiles {
  readonly #files: ReadonlyMap<string, Carried>;
  /** The entries of each directory, and whether each is a file. */
  readonly #directories = new Map([["/", new Map<string, boolean>()]]);
  /** The directories of packages by their names. */
  readonly #packages = new Map<string, string>();
  readonly #fs: Functions;

  /**
   * @param files by path, such as `/npm/pdfkit@0.17.2/js/data/Helvetica.afm`
   * @param fs `node:fs` @param Readable of `node:stream`
   */
  constructor(
    files: Readonly<Record<string, Carried>>,
    fs: Functions,
    Readable: { from(items: unknown[]): object },
  ) {
    this.#files = new Map(Object.entries(files));
    this.#fs = fs;
    for (const path of this.#files.keys()) this.#addDirectories(path);
    const read = (path: string, options?: unknown) => this.#read(path, options);
    const stat = (path: string, options?: unknown) =>
      this.#has(path) || (options as StatOptions)?.throwIfNoEntry !== false
        ? this.#stat(path)
        : undefined;
    this.#replace(fs, fs.promises, {
      readFile: read,
      stat,
      lstat: stat,
      access: (path) => void stat(path),
      realpath: (path) => (stat(path), path),
      readdir: (path, options) => this.#list(path, options),
    });
    for (const name of ["realpath", "realpathSync"]) fs[name].native = fs[name];
    this.#replaceExistence(fs, (path, options) => Readable.from([this.#part(path, options)]));
    const plain = (path: string) => new Uint8Array(this.#bytes(path));
    const info = (path: string) => this.#info(path);
    this.#replace(Deno as Functions, Deno as Functions, {
      readFile: plain,
      readTextFile: (path) => read(path, "utf8"),
      stat: info,
      lstat: info,
    });
    this.#replaceFetch(plain);
  }

  #has(path: string): boolean {
    return this.#files.has(path) || this.#directories.has(path);
  }

  #addDirectories(path: string): void {
    for (let child = path, isFile = true; child !== "/"; isFile = false) {
      const slash = child.lastIndexOf("/"), parent = child.slice(0, slash) || "/";
      const entries = this.#directories.get(parent) ?? new Map<string, boolean>();
      this.#directories.set(parent, entries.set(child.slice(slash + 1), isFile));
      child = parent;
    }
    const [directory = "", name = ""] = /^\/npm\/(@[^/]+\/[^/@]+|[^/@]+)@[^/]+(?=\/)/.exec(path) ??
      [];
    this.#packages.set(name, directory);
  }

  /**
   * A path without dot segments; undefined for what is no path of a package. Packages look for their files from the
   * working directory as well, so that exists, and shows the packages alone.
   */
  #pathOf(given: unknown): string | undefined {
    if (given === ".") return "/";
    let text: string;
    if (typeof given === "string") text = given;
    else if (given instanceof Uint8Array) text = new TextDecoder().decode(given);
    else if (!(given instanceof URL) || given.protocol !== "file:") return undefined;
    else {
      try {
        text = decodeURIComponent(given.pathname);
      } catch {
        return undefined;
      }
    }
    const parts: string[] = [];
    for (const part of text.split("/")) {
      if (part === "..") parts.pop();
      else if (part !== "" && part !== ".") parts.push(part);
    }
    const path = `/${parts.join("/")}`;
    return text.startsWith("/") && `${path}/`.startsWith("/npm/") ? path : undefined;
  }

  /** An error in the form of a system error, without its number. */
  #error(code: string, message: string, syscall: string, path: string): Error {
    const error = new Error(`${code}: ${message}, ${syscall} '${path}'`);
    return Object.assign(error, { code, syscall, path });
  }

  #missing(syscall: string, path: string): Error {
    return this.#error("ENOENT", "no such file or directory", syscall, path);
  }

  /** The content, new each time: who changes it changes no file. */
  #bytes(path: string): Buffer {
    const file = this.#files.get(path);
    if (file === undefined) {
      if (!this.#directories.has(path)) throw this.#missing("open", path);
      throw this.#error("EISDIR", "illegal operation on a directory", "read", path);
    }
    if ("leftOut" in file) throw this.#error("EFBIG", file.leftOut, "open", path);
    return Buffer.from(file.base64, "base64");
  }

  #read(path: string, options: unknown): unknown {
    const encoding = typeof options === "string"
      ? options
      : (options as { encoding?: string | null } | null | undefined)?.encoding;
    const bytes = this.#bytes(path);
    const isBinary = encoding === undefined || encoding === null || encoding === "buffer";
    return isBinary ? bytes : bytes.toString(encoding as BufferEncoding);
  }

  /** What `createReadStream` reads: the file from one position up to another, which is the last byte. */
  #part(path: string, options: unknown): unknown {
    const { start = 0, end = Infinity, encoding = options }: Functions =
      typeof options === "object" && options !== null ? options : {};
    const bytes = this.#bytes(path).subarray(start, end + 1);
    return typeof encoding === "string" ? bytes.toString(encoding as BufferEncoding) : bytes;
  }

  /** What `Deno.stat` answers. */
  #info(path: string): object {
    const { isFile, isDirectory, ...others } = this.#stat(path) as Functions;
    return { ...others, isFile: isFile(), isDirectory: isDirectory(), isSymlink: false };
  }

  #stat(path: string): object {
    const file = this.#files.get(path), isDirectory = this.#directories.has(path);
    if (file === undefined && !isDirectory) throw this.#missing("stat", path);
    const no = () => false, time = new Date(0);
    return {
      isFile: () => !isDirectory,
      isDirectory: () => isDirectory,
      ...{ isSymbolicLink: no, isFIFO: no, isSocket: no, isBlockDevice: no, isCharacterDevice: no },
      size: file !== undefined && "base64" in file ? Buffer.byteLength(file.base64, "base64") : 0,
      mode: isDirectory ? 0o40555 : 0o100444,
      ...{ atime: time, mtime: time, ctime: time, birthtime: time, mtimeMs: 0 },
    };
  }

  #list(path: string, options: unknown): unknown[] {
    const entries = this.#directories.get(path);
    if (entries === undefined) throw this.#missing("scandir", path);
    const sorted = [...entries].toSorted(([a], [b]) => a < b ? -1 : 1);
    if ((options as { withFileTypes?: boolean } | undefined)?.withFileTypes !== true) {
      return sorted.map(([name]) => name);
    }
    return sorted.map(([name, isFile]) => ({
      ...{ name, parentPath: path },
      isFile: () => isFile,
      isDirectory: () => !isFile,
      isSymbolicLink: () => false,
    }));
  }

  /** Replaces functions, their `Sync` forms, and in another object their forms with promises. */
  #replace(target: Functions, promising: Functions, answers: Answers): void {
    for (const [name, answer] of Object.entries(answers)) {
      const { [`${name}Sync`]: sync, [name]: later } = target, promised = promising[name];
      target[`${name}Sync`] = (given: unknown, ...rest: unknown[]) => {
        const path = this.#pathOf(given);
        return path === undefined ? sync(given, ...rest) : answer(path, rest[0]);
      };
      if (target !== promising) {
        target[name] = (given: unknown, ...rest: unknown[]) => {
          const path = this.#pathOf(given), callback = rest.at(-1);
          if (path === undefined || typeof callback !== "function") return later(given, ...rest);
          let results: unknown[];
          try {
            results = [null, answer(path, rest.length > 1 ? rest[0] : undefined)];
          } catch (error) {
            results = [error];
          }
          queueMicrotask(() => callback(...results));
        };
      }
      promising[name] = async (given: unknown, ...rest: unknown[]) => {
        const path = this.#pathOf(given);
        return path === undefined ? await promised(given, ...rest) : answer(path, rest[0]);
      };
    }
  }

  #replaceExistence(fs: Functions, stream: Answers[string]): void {
    const { existsSync, exists, createReadStream } = fs;
    fs.existsSync = (given: unknown) => {
      const path = this.#pathOf(given);
      return path === undefined ? existsSync(given) : this.#has(path);
    };
    fs.exists = (given: unknown, callback: (found: boolean) => void) => {
      const path = this.#pathOf(given);
      if (path === undefined) exists(given, callback);
      else queueMicrotask(() => callback(this.#has(path)));
    };
    // `promisify` would take what the callback gets for an error.
    fs.exists[Symbol.for("nodejs.util.promisify.custom")] = (given: unknown) =>
      Promise.resolve(fs.existsSync(given));
    fs.createReadStream = (given: unknown, ...rest: unknown[]) => {
      const path = this.#pathOf(given);
      return path === undefined ? createReadStream(given, ...rest) : stream(path, rest[0]);
    };
  }

  #replaceFetch(plain: (path: string) => Uint8Array<ArrayBuffer>): void {
    const { fetch } = globalThis;
    const replaced = async (given: unknown, ...rest: [RequestInit?]) => {
      const path = this.#pathOf(this.#urlOf(given) ?? undefined);
      if (path === undefined) return await fetch(given as string, ...rest);
      const type = path.endsWith(".wasm") ? "application/wasm" : "application/octet-stream";
      return new Response(plain(path), { headers: { "content-type": type } });
    };
    globalThis.fetch = replaced as typeof fetch;
  }

  /** A URL of a file of a package, also from its text. */
  #urlOf(given: unknown): URL | undefined {
    if (typeof given === "string") {
      return given.startsWith("file:///npm/") ? new URL(given) : undefined;
    }
    return given instanceof URL ? given : undefined;
  }

  /** The file that a module means. @param from the path of the module */
  #resolve(from: string, specifier: string): string | undefined {
    if (/^(?:\.\.?)?\//.test(specifier)) {
      const folder = from.slice(0, from.lastIndexOf("/"));
      const path = this.#pathOf(specifier.startsWith("/") ? specifier : `${folder}/${specifier}`);
      return [`${path}`, `${path}.js`, `${path}.json`].find((one) => this.#files.has(one));
    }
    const [, name = "", rest = ""] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(specifier) ?? [];
    const path = this.#packages.has(name) ? `${this.#packages.get(name)}${rest}` : "";
    return this.#files.has(path) ? path : undefined;
  }

  /** `require` of a module. */
  require(from: string, original: ((specifier: string) => unknown) & Functions): unknown {
    const made = (specifier: string): unknown => {
      const path = typeof specifier === "string" ? this.#resolve(from, specifier) : undefined;
      return path?.endsWith(".json") ? JSON.parse(`${this.#bytes(path)}`) : original(specifier);
    };
    const { resolve } = original;
    return Object.assign(made, original, {
      resolve: (specifier: string, ...rest: unknown[]) =>
        this.#resolve(from, specifier) ?? resolve(specifier, ...rest),
    });
  }

  /** The exports of a module of Node.js, in which the functions that read files are replaced. */
  wrap(specifier: string, module: Functions): object {
    const { promises } = this.#fs;
    if (specifier === "node:fs") return { ...module, ...this.#fs, default: this.#fs };
    if (specifier === "node:fs/promises") return { ...module, ...promises, default: promises };
    const createRequire = (from: unknown) =>
      this.require(
        this.#pathOf(this.#urlOf(from) ?? from) ?? "/main.js",
        module.createRequire("file:///main.js"),
      );
    return { ...module, createRequire };
  }

  /** `import.meta` of a module. */
  meta(path: string): object {
    const url = `file://${path.split("/").map(encodeURIComponent).join("/")}`;
    return {
      ...{ url, main: false, filename: path, dirname: path.slice(0, path.lastIndexOf("/")) },
      resolve: (specifier: string) =>
        new URL(this.#resolve(path, specifier) ?? specifier, url).href,
    };
  }
}
