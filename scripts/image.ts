/**
 * `npm run image` builds the container image of deploy/Dockerfile and writes its archive to `build`. Its layers depend only on
 * the release build and on the packages that Debian's archive has at that time.
 */
import { Command, InvalidArgumentError } from "commander";
import { join } from "node:path";
import { quoteForShell } from "../src/cli/terminal/shell.ts";
import { DEBIAN_RELEASE } from "./image/debian.ts";
import { prepareContext } from "./image/context.ts";
import { packImage } from "./image/pack.ts";
import { buildArguments, imageName, ZSTD_LEVEL_MAX } from "./image/facts.ts";
import { BUILD_DIR, endWith, RELEASE_DIR, ROOT, run } from "./release/files.ts";
import type { ReleaseRecord } from "./release/manifest.ts";

/** The packages of Debian whose programs have other names. */
const DEBIAN_PACKAGES: Readonly<Record<string, string>> = { "apt-get": "apt", "dpkg-deb": "dpkg" };

interface Options {
  readonly release?: string;
  readonly output: string;
  readonly level: number;
  readonly prepare?: true;
}

const command = new Command("npm run image --")
  .description(
    "Build the container image of deploy/Dockerfile for the architecture of this machine.\n" +
      `It consists of packages of Debian ${DEBIAN_RELEASE} and of the release build.`,
  )
  .option("--release <directory>", "use this release build instead of a new one")
  .option("--output <directory>", "where the archive of the image is written", BUILD_DIR)
  .option("--level <number>", `level of zstd, 1 to ${ZSTD_LEVEL_MAX}`, parseLevel, ZSTD_LEVEL_MAX)
  .option("--prepare", "only write what the Dockerfile adds, for another builder")
  .action(buildImage);

try {
  await command.parseAsync(Deno.args, { from: "user" });
} catch (error) {
  endWith(error);
}

function parseLevel(text: string): number {
  const level = Number(text);
  if (Number.isInteger(level) && level >= 1 && level <= ZSTD_LEVEL_MAX) return level;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${ZSTD_LEVEL_MAX}.`);
}

async function buildImage({ release, output, level, prepare }: Options): Promise<void> {
  await requireMachine(prepare === true);
  if (release === undefined) await run("npm", ["run", "--silent", "release"]);
  const built = release ?? RELEASE_DIR;
  const facts: ReleaseRecord = JSON.parse(await Deno.readTextFile(join(built, "release.json")));
  const context = join(output, "invoked-image");
  await prepareContext(built, facts, context);
  if (prepare) {
    const flags = ["--file", `${ROOT}deploy/Dockerfile`, ...buildArguments(facts)];
    const command = ["docker", "build", ...flags, "--tag", imageName(facts), context];
    console.log(command.map(quoteForShell).join(" "));
    return;
  }
  const archive = await packImage(context, facts, { output, level });
  await Deno.remove(context, { recursive: true });
  const { size } = await Deno.stat(archive);
  console.log(`${archive}: ${(size / 1e6).toFixed(1)} MB`);
}

/** @throws with the first thing that this machine lacks */
async function requireMachine(isPreparing: boolean): Promise<void> {
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  if (!release.includes(`VERSION_CODENAME=${DEBIAN_RELEASE}\n`)) {
    throw new Error(
      `the image consists of packages of Debian ${DEBIAN_RELEASE}, and the packages of this machine ` +
        `are others; run npm run image on Debian ${DEBIAN_RELEASE}, or in a container of it`,
    );
  }
  const programs = ["apt-get", "dpkg-deb", "tar", ...isPreparing ? [] : ["buildah", "zstd"]];
  const missing = await Array.fromAsync(
    programs,
    (program) => run("sh", ["-c", 'command -v "$1"', "sh", program]).then(() => [], () => program),
  );
  if (missing.flat().length > 0) {
    const packages = missing.flat().map((program) => DEBIAN_PACKAGES[program] ?? program);
    throw new Error(
      `${missing.flat().join(" and ")} not found; apt-get install ${packages.join(" ")}`,
    );
  }
  if (!isPreparing && Deno.uid() !== 0) {
    throw new Error(
      "buildah writes files of several users, which needs root; run npm run image as root, or " +
        "prepare the files with npm run image -- --prepare and build the image with Docker",
    );
  }
}
