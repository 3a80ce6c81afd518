import { basename, dirname, relative } from "node:path";
import { CONFIG_NAMES } from "../../builder/project/project_files.ts";
import { IGNORE_NAMES } from "../folder/ignore_rules.ts";
import { MANIFEST_NAME } from "../folder/manifest.ts";
import { belongsToFunction } from "../folder/files.ts";

/** Files that change what the function is, without being a part of it. */
const SETTINGS_NAMES = [MANIFEST_NAME, ...IGNORE_NAMES];
/** The same in a folder above. */
const SETTINGS_NAMES_ABOVE: readonly string[] = [...CONFIG_NAMES, ...IGNORE_NAMES];

/** Changes within this time count as one: an editor may write several times for a save. */
const SETTLE_MS = 15;

/** Modification times of files may be this much earlier than the clock. */
const CLOCK_TICK_MS = 10;

/** Files above the folder of a function. */
export interface FilesAbove {
  /** Absolute, also of files that do not exist. */
  readonly paths: readonly string[];
  /** Time of the reading, as of `Date.now()`. */
  readonly readAt: number;
}

/**
 * Reports changes of the function's files and of further files since its creation, as times of the first change on the
 * clock of `performance.now()`. Changes during the work on the last report are reported together. Ends when the signal
 * is aborted.
 */
export class FolderWatch implements AsyncIterable<number> {
  #changed = Promise.withResolvers<number>();
  readonly #watchers: Deno.FsWatcher[] = [];
  readonly #readings: Promise<void>[] = [];
  /** The directories above the folder. */
  #above: { readonly watcher: Deno.FsWatcher; readonly directories: string } | undefined;
  #files: ReadonlySet<string> = new Set();

  /** Watches from now on, before the caller reads the files, so that no save is missed. */
  constructor(
    folder: string,
    furtherFiles: readonly string[],
    private readonly signal: AbortSignal,
  ) {
    const watcher = Deno.watchFs([folder, ...furtherFiles]);
    this.#read(watcher, (path) => furtherFiles.includes(path) || isOfFunction(path, folder));
  }

  /**
   * Also watches these files, instead of the files of the last call. Reports the files that changed since they were
   * read.
   */
  watchAbove({ paths, readAt }: FilesAbove): void {
    this.#files = new Set(paths);
    const parents = [...new Set(paths.map((path) => existing(dirname(path))))].toSorted();
    const directories = parents.join("\n");
    if (this.signal.aborted || directories === (this.#above?.directories ?? "")) return;
    close(this.#above?.watcher);
    this.#above = undefined;
    if (parents.length === 0) return;
    const watcher = Deno.watchFs(parents, { recursive: false });
    this.#above = { watcher, directories };
    this.#read(watcher, (path) => this.#mattersAbove(path));
    if (paths.some((path) => changedAt(path) > readAt - CLOCK_TICK_MS)) {
      this.#changed.resolve(performance.now());
    }
  }

  /** Whether it is one of the files, a directory that one of them waits for, or decides about them. */
  #mattersAbove(path: string): boolean {
    return this.#files.has(path) || SETTINGS_NAMES_ABOVE.includes(basename(path)) ||
      this.#files.values().some((file) => file.startsWith(`${path}/`));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<number> {
    try {
      for (;;) {
        const since = await this.#changed.promise;
        if (this.signal.aborted) return;
        await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
        this.#changed = Promise.withResolvers();
        yield since;
      }
    } finally {
      for (const watcher of this.#watchers) close(watcher);
      await Promise.all(this.#readings);
    }
  }

  #read(watcher: Deno.FsWatcher, matters: (path: string) => boolean): void {
    const stop = () => close(watcher);
    this.signal.addEventListener("abort", stop, { once: true });
    if (this.signal.aborted) stop();
    const reading = (async () => {
      for await (const { kind, paths } of watcher) {
        if (kind !== "access" && paths.some(matters)) this.#changed.resolve(performance.now());
      }
      this.signal.removeEventListener("abort", stop);
      if (this.signal.aborted) this.#changed.resolve(performance.now());
    })();
    this.#watchers.push(watcher);
    this.#readings.push(reading);
  }
}

function close(watcher: Deno.FsWatcher | undefined): void {
  try {
    watcher?.close();
  } catch (error) {
    // It is closed already.
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** The directory, or the nearest above it that exists. */
function existing(directory: string): string {
  try {
    if (Deno.statSync(directory).isDirectory) return directory;
  } catch {
    // It does not exist.
  }
  return existing(dirname(directory));
}

/** Time of the last change in milliseconds; 0 if the file does not exist. */
function changedAt(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}

function isOfFunction(path: string, folder: string): boolean {
  const inside = relative(folder, path);
  return inside !== "" &&
    inside.split("/").every((name) => belongsToFunction(name) || SETTINGS_NAMES.includes(name));
}
