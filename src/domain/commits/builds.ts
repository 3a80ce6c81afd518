/** Moves files and artifacts of builds between the store and the builder. */
import {
  type Artifact,
  type Builder,
  type BuildGoal,
  type BuildResult,
  CompilerKilled,
  formatDiagnostic,
  type SourceFiles,
} from "../../builder/mod.ts";
import type { ArtifactSource } from "../../engine/contract.ts";
import type { Digest } from "../../store/blobs/commit_blobs.ts";
import type { CommitFileRow } from "../../store/commits.ts";
import type { Store } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";

export function isUploaded(row: CommitFileRow): row is CommitFileRow & { digest: string } {
  return row.digest !== null;
}

/** The files of a commit. */
export async function commitContents(
  store: Store,
  commitId: string,
): Promise<Map<string, Uint8Array>> {
  return await readContents(store, await store.read.commits.files(commitId));
}

/** The contents of those files that were uploaded. */
export async function readContents(
  store: Store,
  rows: readonly CommitFileRow[],
): Promise<Map<string, Uint8Array>> {
  return new Map(
    await Promise.all(
      rows.filter(isUploaded).map(async ({ path, digest }) =>
        [path, await store.commitBlobs.get(digest)] as const
      ),
    ),
  ) satisfies SourceFiles;
}

/** Reads the artifacts of commits. */
export function artifactSource({ commitBlobs }: Store): ArtifactSource {
  return { text: async (digest) => new TextDecoder().decode(await commitBlobs.get(digest)) };
}

/** Stores the parts of an artifact as blobs. */
export async function keepArtifact(
  { commitBlobs: blobs }: Store,
  artifact: Artifact,
): Promise<{ readonly script: Digest; readonly sourceMap: Digest; readonly lock: Digest }> {
  const keep = (text: string) => blobs.put(new TextEncoder().encode(text));
  const [script, sourceMap, lock] = await Promise.all([
    keep(artifact.script),
    keep(artifact.sourceMap),
    keep(artifact.lock),
  ]);
  return { script, sourceMap, lock };
}

/** When to try again after the compiler was killed. */
const KILLED_RETRY_SECONDS = 5;

/** What a build is of, and what ends it early. */
interface BuildSpec {
  /** For errors, such as `commit ID`. */
  readonly what: string;
  readonly files: SourceFiles;
  readonly goal: BuildGoal;
  readonly signal: AbortSignal;
}

/** Builds what must build. @throws BUILD_FAILED, BUILD_KILLED */
export async function buildArtifact(
  builder: Builder,
  { what, files, goal, signal }: BuildSpec,
): Promise<Artifact> {
  try {
    const result = await builder.build(files, signal, goal);
    if (result.kind === "rejected") throw buildFailed(what, result);
    return result.artifact;
  } catch (error) {
    if (!(error instanceof CompilerKilled)) throw error;
    throw new DomainError("BUILD_KILLED", `Build of ${what} failed: ${error.message}. Try again`, {
      retryAfterSeconds: KILLED_RETRY_SECONDS,
    });
  }
}

/** BUILD_FAILED with every diagnostic. @param what that cannot be built, such as `commit ID` */
export function buildFailed(
  what: string,
  { diagnostics }: Extract<BuildResult, { kind: "rejected" }>,
): DomainError {
  const lines = diagnostics.map(formatDiagnostic);
  return new DomainError("BUILD_FAILED", `Build of ${what} failed: ${lines.join("\n")}`, {
    violations: diagnostics.map((d, i) => ({
      field: d.path ?? "",
      description: lines[i] ?? d.message,
    })),
  });
}
