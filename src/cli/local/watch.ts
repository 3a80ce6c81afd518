import { relative } from "node:path";
import { MANIFEST_NAME } from "../folder/manifest.ts";
import { belongsToFunction } from "../folder/files.ts";

/** An editor that saves writes several times; what comes within this time is one change. */
const SETTLE_MS = 15;

/**
 * Tells each time that files of the function, or one of the further files, changed since this was called; changes
 * that come while the last telling is still worked on are told together. Ends when the signal is aborted.
 *
 * @yields when the first of the changes was noticed, in the time of `performance.now()`
 */
export function watchFolder(
  folder: string,
  furtherFiles: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<number> {
  // Before the caller's first look at the files: what is saved during it must be told.
  const watcher = Deno.watchFs([folder, ...furtherFiles]);
  return tellChanges(
    watcher,
    (path) => furtherFiles.includes(path) || isOfFunction(path, folder),
    signal,
  );
}

async function* tellChanges(
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
    inside.split("/").every((name) => belongsToFunction(name) || name === MANIFEST_NAME);
}
