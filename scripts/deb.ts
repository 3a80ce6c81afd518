/**
 * `npm run deb` writes `build/invoked_<version>_<architecture>.deb`, which installs the release as a service. The file
 * depends only on the commit and the lock file.
 */
import { relative } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { type Architecture, ARCHITECTURES, ownArchitecture } from "./debian/architecture.ts";
import { buildPackage } from "./debian/package.ts";
import { BUILD_DIR, endWith, RELEASE_DIR, ROOT, run } from "./release/files.ts";

interface Options {
  readonly arch: Architecture;
  readonly fast: boolean;
}

/** @throws {CommanderError} for unknown arguments and for `--help`, which it has printed */
function readOptions(): Options {
  return new Command("npm run deb --")
    .description("Build the Debian package of these sources")
    .addOption(
      new Option("--arch <name>", "architecture of the package").choices(ARCHITECTURES)
        .default(ownArchitecture()),
    )
    .option("--fast", "compress less, twenty times as fast", false)
    .exitOverride()
    .parse(Deno.args, { from: "user" })
    .opts<Options>();
}

async function build({ arch, fast }: Options): Promise<void> {
  await run("dpkg-deb", ["--version"]).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("dpkg-deb was not found; install dpkg, which every Debian system has");
  });
  await run("npm", ["run", "--silent", "release"]);
  const file = await buildPackage({
    release: RELEASE_DIR,
    arch,
    fast,
    directory: BUILD_DIR,
  });
  if (!fast) await inspect(file);
  const { size } = await Deno.stat(file);
  console.log(`${relative(ROOT, file)}: ${(size / 1024 ** 2).toFixed(1)} MiB`);
}

/** Lets lintian search the package for errors, where it is installed. */
async function inspect(file: string): Promise<void> {
  try {
    await run("lintian", ["--fail-on", "error", "--quiet", file]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("lintian was not found, so nothing has searched the package for errors");
  }
}

try {
  await build(readOptions());
} catch (error) {
  if (error instanceof CommanderError) Deno.exit(error.exitCode === 0 ? 0 : 2);
  endWith(error);
}
