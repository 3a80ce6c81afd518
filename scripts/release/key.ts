/** Notices that the last release was made of the same sources. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { BUILD_DIR, ROOT } from "./files.ts";
import { sourcesBelow } from "./sources.ts";

const KEY = join(BUILD_DIR, "release.key");

/** Everything that a release is made of, and what makes it. */
const INPUTS = [
  ...["bin", "console", "deploy", "docs", "examples", "sdk", "src", "templates"],
  ...["scripts/console", "scripts/release", "scripts/release.ts"],
  ...["package.json", "package-lock.json", "invoked.schema.json", "invoked-server.schema.json"],
  ...["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"],
];

/** The digest of all inputs. @param record what a release has besides its files */
export async function keyOf(record: unknown): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(record));
  for (const input of INPUTS) {
    for (const path of await sourcesBelow(input)) {
      hash.update(path).update(await Deno.readFile(join(ROOT, path)));
    }
  }
  return hash.digest("hex");
}

/** The key of the last release; undefined without one. */
export async function lastKey(): Promise<string | undefined> {
  return await Deno.readTextFile(KEY).catch(() => undefined);
}

/** Notes the key of a release that is complete, or with undefined that none is. */
export async function noteKey(key: string | undefined): Promise<void> {
  await Deno.writeTextFile(KEY, key ?? "");
}
