/** The labels of the image, its architecture and its compression. */
import type { ReleaseRecord } from "../release/manifest.ts";

/** The flags of an image builder for the labels of deploy/Dockerfile. */
export function buildArguments({ version, commit, date }: ReleaseRecord): string[] {
  return [`VERSION=${version}`, `COMMIT=${commit}`, `DATE=${date}`].map((fact) =>
    `--build-arg=${fact}`
  );
}

/** The name with which the archive has the image. No registry has the host. */
export function imageName({ version }: ReleaseRecord): string {
  return `localhost/invoked:${version}`;
}

/** An architecture as container engines and Node.js name it. */
const ARCHITECTURES = {
  x86_64: { engine: "amd64", node: "x64" },
  aarch64: { engine: "arm64", node: "arm64" },
} as const;

/** The architecture of this machine, and of the image. */
export const ARCHITECTURE = ARCHITECTURES[Deno.build.arch];

/** An image is compressed once for a release, and downloaded often. */
export const ZSTD_LEVEL_MAX = 19;
