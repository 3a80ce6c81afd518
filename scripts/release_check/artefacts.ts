/** Items of the release checklist about what the build scripts have written into `build/`. */
import { join } from "node:path";
import { debianVersion } from "../debian/version.ts";
import { BUILD_DIR, RELEASE_DIR, run } from "../release/files.ts";
import { done, type Found, type Item, missing } from "./item.ts";

const MEGABYTE = 1_000_000;
const IMAGE_BYTES_MAX = 60 * MEGABYTE;
const PACKAGE_BYTES_MAX = 50 * MEGABYTE;
/** The label of an image with its commit. */
const REVISION = "org.opencontainers.image.revision";
/** What a release has besides the program. */
const LEGAL_FILES = ["LICENSE", "licenses"];

/** A file that a script builds from the release. */
interface Artefact {
  readonly title: string;
  /** Of file names in `build/`; one file an architecture. */
  readonly name: RegExp;
  readonly script: string;
  readonly bytesMax: number;
  /** The commit of which the file was built. */
  commitOf(file: string): Promise<unknown>;
}

/** The items of the artefacts. @param version of package.json */
export function artefactItems(version: string): readonly Item[] {
  const head = async () => (await run("git", ["rev-parse", "HEAD"])).trim();
  const artefacts = artefactsOf(version.replaceAll(".", "\\."));
  return [
    {
      title: "build/release is of this commit",
      check: async () => await isOf(version, await head()),
    },
    { title: "build/release has licences", check: () => hasFiles() },
    { title: "build/release has an SBOM in CycloneDX", check: () => hasSbom(version) },
    ...artefacts.map((artefact) => ({
      title: artefact.title,
      check: async () => await areBuilt(artefact, await head()),
    })),
  ];
}

function artefactsOf(version: string): readonly Artefact[] {
  return [
    {
      title: "The packed npm file is of this commit",
      name: new RegExp(`^invoked-${version}\\.tgz$`),
      script: "release",
      bytesMax: Infinity,
      commitOf: async (file) => commitIn(await run("tar", ["-xOzf", file, "package/release.json"])),
    },
    {
      title: `The image is of this commit, with at most ${inMegabytes(IMAGE_BYTES_MAX)}`,
      name: new RegExp(`^invoked-${version}-linux-\\w+\\.image\\.tar\\.zst$`),
      script: "image",
      bytesMax: IMAGE_BYTES_MAX,
      commitOf: imageCommit,
    },
    {
      title: `The Debian package is of this commit, with at most ${inMegabytes(PACKAGE_BYTES_MAX)}`,
      name: new RegExp(`^invoked_${debianVersion(version)}_\\w+\\.deb$`),
      script: "deb",
      bytesMax: PACKAGE_BYTES_MAX,
      commitOf: async (file) => {
        const script = 'dpkg-deb --fsys-tarfile "$1" | tar -xO ./usr/lib/invoked/release.json';
        return commitIn(await run("sh", ["-c", script, "sh", file]));
      },
    },
  ];
}

async function imageCommit(file: string): Promise<unknown> {
  const read = (name: string) => run("tar", ["--zstd", "-xOf", file, name]);
  const [image] = JSON.parse(await read("manifest.json"));
  const { config } = JSON.parse(await read(image.Config));
  return config?.Labels?.[REVISION];
}

function commitIn(release: string): unknown {
  return JSON.parse(release).commit;
}

async function isOf(version: string, head: string): Promise<Found> {
  const text = await readFile(join(RELEASE_DIR, "release.json"));
  if (text === undefined) return missing("build/release has no release.json", nextOf("release"));
  const record = JSON.parse(text);
  if (record.version !== version) {
    return missing(`its version is ${record.version}`, nextOf("release"));
  }
  return record.commit === head ? done(head) : foreign(record.commit, "release");
}

async function hasFiles(): Promise<Found> {
  for (const name of LEGAL_FILES) {
    const isThere = await Deno.stat(join(RELEASE_DIR, name)).then(() => true, () => false);
    if (!isThere) return missing(`build/release/${name} does not exist`, nextOf("release"));
  }
  return done();
}

async function hasSbom(version: string): Promise<Found> {
  const text = await readFile(join(RELEASE_DIR, "sbom.cdx.json"));
  if (text === undefined) return missing("sbom.cdx.json does not exist", nextOf("release"));
  const { bomFormat, metadata, components } = JSON.parse(text);
  if (bomFormat !== "CycloneDX") return missing("it has another format", nextOf("release"));
  if (metadata?.component?.version !== version) {
    return missing(`it is of version ${metadata?.component?.version}`, nextOf("release"));
  }
  return done(`${components?.length ?? 0} components`);
}

async function areBuilt(artefact: Artefact, head: string): Promise<Found> {
  const { name, script, bytesMax, commitOf } = artefact;
  const all = await Array.fromAsync(Deno.readDir(BUILD_DIR), (entry) => entry.name).catch(() => []);
  const files = all.filter((file) => name.test(file)).toSorted();
  if (files.length === 0) return missing("build/ does not have it", nextOf(script));
  const notes: string[] = [];
  for (const file of files) {
    const { size } = await Deno.stat(join(BUILD_DIR, file));
    if (size > bytesMax) {
      return missing(`build/${file} has ${inMegabytes(size)}`, "find what made it larger");
    }
    const commit = await commitOf(join(BUILD_DIR, file)).catch((error) => error);
    if (commit instanceof Error) {
      return missing(`build/${file} cannot be read: ${commit.message}`, nextOf(script));
    }
    if (commit !== head) return foreign(commit, script);
    notes.push(`build/${file}, ${inMegabytes(size)}`);
  }
  return done(notes.join("; "));
}

function foreign(commit: unknown, script: string): Found {
  return missing(`it was built from commit ${commit ?? "unknown"}`, nextOf(script));
}

function nextOf(script: string): string {
  return `run npm run ${script} on a clean tree`;
}

async function readFile(path: string): Promise<string | undefined> {
  return await Deno.readTextFile(path).catch(() => undefined);
}

function inMegabytes(bytes: number): string {
  return `${(bytes / MEGABYTE).toFixed(1)} MB`;
}
