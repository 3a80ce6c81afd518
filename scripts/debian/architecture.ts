/** Debian's architectures, and the programs that differ between them. */
import { join } from "node:path";
import lock from "../../package-lock.json" with { type: "json" };
import { ROOT } from "../release/files.ts";
import { unpack } from "../release/bundlers.ts";

export const ARCHITECTURES = ["amd64", "arm64"] as const;

export type Architecture = typeof ARCHITECTURES[number];

/** What npm calls them. */
export const NPM_NAMES: Readonly<Record<Architecture, string>> = { amd64: "x64", arm64: "arm64" };

/** The architecture of this machine. */
export function ownArchitecture(): Architecture {
  return Deno.build.arch === "aarch64" ? "arm64" : "amd64";
}

/** Copies Deno's program to a path: that of this project, or that of another architecture, which npm fetches. */
export async function copyDeno(arch: Architecture, path: string): Promise<void> {
  if (arch === ownArchitecture()) {
    await Deno.copyFile(join(ROOT, "node_modules/deno/deno"), path);
    return;
  }
  const name = `@deno/linux-${NPM_NAMES[arch]}-glibc`;
  const packages: Readonly<Record<string, { version?: string; integrity?: string }>> =
    lock.packages;
  const { version, integrity } = packages[`node_modules/${name}`] ?? {};
  if (integrity === undefined) throw new Error(`package-lock.json has no ${name}`);
  const work = await Deno.makeTempDir({ prefix: "invoked-deb-" });
  try {
    const directory = await unpack(`${name}@${version}`, integrity, work);
    await Deno.copyFile(join(directory, "deno"), path);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
