/** Makes the file system of the Debian package, and the package of it. */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { ReleaseRecord } from "../release/manifest.ts";
import { filesBelow, ROOT, run, setModes } from "../release/files.ts";
import { keepArchitecture } from "../release/one_architecture.ts";
import { type Architecture, copyDeno, NPM_NAMES } from "./architecture.ts";
import { renderManPages } from "./man_pages.ts";
import { debianVersion } from "./version.ts";

interface PackageOptions {
  /** The tree that `npm run release` wrote. */
  readonly release: string;
  readonly arch: Architecture;
  /** Compresses less. */
  readonly fast: boolean;
  /** Where the package is written. */
  readonly directory: string;
}

const SOURCES = join(ROOT, "deploy/debian");
/** Of the project: a release finds its runtime only where it is installed. */
const LAUNCHER = join(ROOT, "bin/invoked");
const PROGRAM_DIR = "usr/lib/invoked";
const DOC_DIR = "usr/share/doc/invoked";
const SCRIPTS = ["postinst", "prerm", "postrm"];
/** Where each shell finds completions. */
const COMPLETIONS = {
  bash: "usr/share/bash-completion/completions/invoked",
  zsh: "usr/share/zsh/vendor-completions/_invoked",
  fish: "usr/share/fish/vendor_completions.d/invoked.fish",
};
/** Only root reads the settings, which may be secrets. */
const SETTINGS = "etc/default/invoked";
/** One thread, because the number of threads changes the file. */
const COMPRESSION = ["-Zxz", "-z6", "--threads-max=1"];
const FAST_COMPRESSION = ["-Zzstd", "-z6"];

/** Builds the package and returns its path. */
export async function buildPackage(options: PackageOptions): Promise<string> {
  const { release, arch, fast, directory } = options;
  const record: ReleaseRecord = JSON.parse(
    await Deno.readTextFile(join(release, "release.json")),
  );
  const version = debianVersion(record.version);
  const date = new Date(record.date);
  const tree = await Deno.makeTempDir({ dir: directory, prefix: "deb." });
  try {
    await addProgram(tree, release, arch);
    await addService(tree);
    await addCompletions(tree);
    await addDocumentation(tree, version, date);
    await addControl(tree, version, arch);
    const programs = ["bin/invoked", "bin/deno", ...await bundlersIn(tree)];
    await setModes(tree, [
      ...programs.map((path) => `${PROGRAM_DIR}/${path}`),
      ...SCRIPTS.map((name) => `DEBIAN/${name}`),
    ]);
    await Deno.chmod(join(tree, SETTINGS), 0o640);
    await Deno.mkdir(join(tree, "usr/bin"));
    await Deno.chmod(join(tree, "usr/bin"), 0o755);
    await Deno.symlink("../lib/invoked/bin/invoked", join(tree, "usr/bin/invoked"));
    const file = join(directory, `invoked_${version}_${arch}.deb`);
    await pack(tree, file, date, fast);
    return file;
  } finally {
    await Deno.remove(tree, { recursive: true });
  }
}

/** The release with the programs of one architecture. */
async function addProgram(tree: string, release: string, arch: Architecture): Promise<void> {
  const root = join(tree, PROGRAM_DIR);
  await Deno.mkdir(join(tree, "usr/lib"), { recursive: true });
  await run("cp", ["--recursive", "--no-target-directory", "--", release, root]);
  await keepArchitecture(root, NPM_NAMES[arch]);
  await copyDeno(arch, join(root, "bin/deno"));
}

/** Paths below the program's folder. */
async function bundlersIn(tree: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(join(tree, PROGRAM_DIR, "bundler")));
  return entries.map(({ name }) => `bundler/${name}`);
}

async function addService(tree: string): Promise<void> {
  for (const unit of ["invoked.service", "invoked.socket"]) {
    await write(tree, `usr/lib/systemd/system/${unit}`, await source(unit));
  }
  await write(tree, SETTINGS, await source("default"));
}

async function addCompletions(tree: string): Promise<void> {
  for (const [shell, path] of Object.entries(COMPLETIONS)) {
    await write(tree, path, await run(LAUNCHER, ["completions", shell]));
  }
}

async function addDocumentation(tree: string, version: string, date: Date): Promise<void> {
  for (const [name, text] of await renderManPages({ version, date })) {
    await write(tree, `usr/share/man/man1/${name}.gz`, gzipSync(text, { level: 9 }));
  }
  await write(tree, `${DOC_DIR}/copyright`, await source("copyright"));
  await write(tree, `${DOC_DIR}/changelog.gz`, gzipSync(changelog(version, date), { level: 9 }));
  await write(tree, "usr/share/lintian/overrides/invoked", await source("lintian-overrides"));
}

/** Debian's format; the release has the changes in words for people. */
function changelog(version: string, date: Date): string {
  return `invoked (${version}) stable; urgency=medium

  * See /usr/lib/invoked/CHANGELOG.md.

 -- The authors of invoked <invoked@packages.invalid>  ${date.toUTCString().replace("GMT", "+0000")}
`;
}

async function addControl(tree: string, version: string, arch: Architecture): Promise<void> {
  const values: Readonly<Record<string, string>> = {
    VERSION: version,
    ARCHITECTURE: arch,
    INSTALLED_SIZE: `${await sizeKib(tree)}`,
  };
  const control = (await source("control")).replace(/@(\w+)@/g, (_, name) => values[name] ?? "");
  await write(tree, "DEBIAN/md5sums", await run("sh", ["-c", MD5_SUMS, "sh", tree]));
  await write(tree, "DEBIAN/control", control);
  await write(tree, "DEBIAN/conffiles", `/${SETTINGS}\n`);
  for (const script of SCRIPTS) await write(tree, `DEBIAN/${script}`, await source(script));
}

/** The size as Debian's policy estimates it, which is the same on each file system. */
async function sizeKib(tree: string): Promise<number> {
  const sizes = (await filesBelow(tree, "")).map(async (path) =>
    Math.ceil((await Deno.stat(join(tree, path))).size / 1024)
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Of all files but settings, which an administrator changes. */
const MD5_SUMS = `cd -- "$1" && find usr -type f -print0 | LC_ALL=C sort --zero-terminated |
  xargs --null md5sum --`;

/** Replaces an earlier file when the new one is complete. */
async function pack(tree: string, file: string, date: Date, fast: boolean): Promise<void> {
  await run("env", [
    `SOURCE_DATE_EPOCH=${Math.trunc(date.getTime() / 1000)}`,
    "dpkg-deb",
    "--root-owner-group",
    ...(fast ? FAST_COMPRESSION : COMPRESSION),
    "--build",
    tree,
    `${file}.new`,
  ]);
  await Deno.rename(`${file}.new`, file);
}

async function source(name: string): Promise<string> {
  return await Deno.readTextFile(join(SOURCES, name));
}

async function write(tree: string, path: string, content: string | Uint8Array): Promise<void> {
  const target = join(tree, path);
  await Deno.mkdir(join(target, ".."), { recursive: true });
  await (typeof content === "string"
    ? Deno.writeTextFile(target, content)
    : Deno.writeFile(target, content));
}
