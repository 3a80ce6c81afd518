import { relative } from "node:path";
import { IGNORE_NAMES } from "../folder/ignore_rules.ts";
import { MANIFEST_NAME } from "../folder/manifest.ts";
import { belongsToFunction } from "../folder/files.ts";

/** Files that change what the function is, without being a part of it. */
const SETTINGS_NAMES = [MANIFEST_NAME, ...IGNORE_NAMES];

/** Changes within this time count as one: an editor may write several times for a save. */
const SETTLE_MS = 15;

/**
 * Reports changes of the function's files and of further files since this call. Changes during the work on the last
 * report are reported together. Ends when the signal is aborted.
 *
 * @yields time of the first change, on the clock of `performance.now()`
 */
export function watchFolder(
  folder: string,
  furtherFiles: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<number> {
  // Starts before the caller reads the files, so that no save is missed.
  const watcher = Deno.watchFs([folder, ...furtherFiles]);
  return reportChanges(
    watcher,
    (path) => furtherFiles.includes(path) || isOfFunction(path, folder),
    signal,
  );
}

async function* reportChanges(
  watcher: Deno.FsWatcher,
  matters: (path: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<number> {
  if (signal.aborted) return watcher.close();
  const close = () => watcher.close();
  signal.addEventListener("abort", close, { once: true });
  let changed = Promise.withResolvers<number>();
  const reading = (async () => {
    for await (const { kind, paths } of watcher) {
      if (kind === "access" || !paths.some(matters)) continue;
      changed.resolve(performance.now());
    }
    changed.resolve(performance.now());
  })();
  try {
    for (;;) {
      const since = await changed.promise;
      if (signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      changed = Promise.withResolvers();
      yield since;
    }
  } finally {
    signal.removeEventListener("abort", close);
    if (!signal.aborted) watcher.close();
    await reading;
  }
}

function isOfFunction(path: string, folder: string): boolean {
  const inside = relative(folder, path);
  return inside !== "" &&
    inside.split("/").every((name) => belongsToFunction(name) || SETTINGS_NAMES.includes(name));
}
