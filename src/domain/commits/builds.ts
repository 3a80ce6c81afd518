/** Moves files and artifacts of builds between the store and the builder. */
import {
  type Artifact,
  type BuildResult,
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

/** BUILD_FAILED with every diagnostic. @param what that cannot be built, such as `commit ID` */
export function buildFailed(
  what: string,
  { diagnostics }: Extract<BuildResult, { kind: "rejected" }>,
): DomainError {
  const lines = diagnostics.map(formatDiagnostic);
  return new DomainError("BUILD_FAILED", `Cannot build ${what}: ${lines.join("\n")}`, {
    violations: diagnostics.map((d, i) => ({
      field: d.path ?? "",
      description: lines[i] ?? d.message,
    })),
  });
}
