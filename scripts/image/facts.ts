/** What all steps of building the image know. */

/** What `release.json` says, as far as the image repeats it. */
export interface ReleaseFacts {
  readonly version: string;
  readonly commit: string;
  /** Of the commit, ISO 8601. Files and the image itself are as old. */
  readonly date: string;
}

/** The flags of an image builder for the labels of deploy/Dockerfile. */
export function buildArguments({ version, commit, date }: ReleaseFacts): string[] {
  return [`VERSION=${version}`, `COMMIT=${commit}`, `DATE=${date}`].map((fact) =>
    `--build-arg=${fact}`
  );
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
