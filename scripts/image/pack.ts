/** Builds the image and packs it as one archive. */
import { join } from "node:path";
import { ROOT, run } from "../release/files.ts";
import type { ReleaseRecord } from "../release/manifest.ts";
import { ARCHITECTURE, buildArguments, imageName } from "./facts.ts";

interface PackOptions {
  /** The directory of the archive. */
  readonly output: string;
  /** Level of zstd. */
  readonly level: number;
}

/**
 * Builds the image from its context, in a store of its own, so that nothing of this machine's images is in it. The format
 * is Docker's, because images of OCI have no health check.
 * @returns the path of the archive, which `docker load` and `podman load` read
 */
export async function packImage(
  context: string,
  facts: ReleaseRecord,
  { output, level }: PackOptions,
): Promise<string> {
  const work = await Deno.makeTempDir({ prefix: "invoked-image-" });
  const store = ["--root", join(work, "store"), "--runroot", join(work, "run")];
  const buildah = (...args: string[]) =>
    run("buildah", [...store, "--storage-driver=vfs", ...args]);
  const { version } = facts;
  const name = imageName(facts);
  const archive = join(output, `invoked-${version}-linux-${ARCHITECTURE.engine}.image.tar.zst`);
  try {
    await buildah(
      ...["build", "--isolation=chroot", "--format=docker", "--identity-label=false"],
      ...buildArguments(facts),
      ...["--file", join(ROOT, "deploy/Dockerfile"), "--tag", name, context],
    );
    const plain = join(work, "image.tar");
    await buildah("push", "--quiet", name, `docker-archive:${plain}:${name}`);
    await run("zstd", ["--quiet", "--force", "-T0", `-${level}`, plain, "-o", archive]);
    return archive;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
