/** Files that a running server needs, each with the way to make it: cleaners of old files may remove them. */
import { getLogger } from "@logtape/logtape";
import { dirname } from "node:path";
import { isMissing } from "../shared/files.ts";
import type { Part } from "./root.ts";

const logger = getLogger(["invoked", "isolation"]);

/** All parts of one image, or of the isolation of the compiler. */
export class Parts {
  readonly #parts: Part[] = [];
  #restoring: Promise<void> | undefined;

  /** @param claim makes the directory of the parts if it is missing; rejects if another user has taken it */
  constructor(private readonly claim: () => Promise<void>) {}

  /** Adds a part that was made. */
  keep(part: Part): void {
    this.#parts.push(part);
  }

  /** Makes a part anew. */
  async add(part: Part): Promise<void> {
    this.keep(part);
    await make(part);
  }

  /** Makes the parts that are missing. */
  restore(): Promise<void> {
    this.#restoring ??= this.#restore().finally(() => this.#restoring = undefined);
    return this.#restoring;
  }

  async #restore(): Promise<void> {
    await this.claim();
    const missing = this.#parts.filter(({ path }) => isMissing(path));
    if (missing.length === 0) return;
    logger.warn("{count} files of the server were removed and are made anew, the first is {path}", {
      count: missing.length,
      path: missing[0]?.path,
    });
    for (const part of missing) await make(part);
  }
}

async function make({ path, make }: Part): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await make();
}
