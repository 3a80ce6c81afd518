import { type Builder, TEST_ENTRY } from "../../builder/mod.ts";
import { LOCK_NAME } from "../../builder/lock.ts";
import type { FinalizedCommitRow, TestArtifactColumns } from "../../store/commits.ts";
import type { Store } from "../../store/mod.ts";
import { buildArtifact, commitContents, keepArtifact } from "../commits/builds.ts";
import { DomainError } from "../errors.ts";
import { commitById, commitPurged } from "../references.ts";

/**
 * The builds of commits' tests. The first test run makes one and stores it: finalizing a commit does not wait for
 * it, and a commit can be called although its tests do not build. Packages of `main.ts` are those that the commit
 * locked; the first build locks those of the tests.
 */
export class TestArtifacts {
  /** Running builds by commit: one at a time for each. */
  readonly #building = new Map<string, Promise<TestArtifactColumns>>();

  constructor(
    private readonly store: Store,
    private readonly builder: Builder,
    /** Ends builds when the server stops; a caller that disconnects does not. */
    private readonly shutdown: AbortSignal,
  ) {}

  /** @throws NO_TESTS, BUILD_FAILED, BUILD_KILLED */
  async of(commit: FinalizedCommitRow): Promise<TestArtifactColumns> {
    const { testScriptDigest, testSourceMapDigest, testLockDigest } = commit;
    if (testScriptDigest !== null && testSourceMapDigest !== null && testLockDigest !== null) {
      return { testScriptDigest, testSourceMapDigest, testLockDigest };
    }
    const underway = this.#building.get(commit.id);
    if (underway !== undefined) return await underway;
    const building = this.store.commitBlobs.storing(() => this.#build(commit))
      .finally(() => this.#building.delete(commit.id));
    this.#building.set(commit.id, building);
    return await building;
  }

  async #build(commit: FinalizedCommitRow): Promise<TestArtifactColumns> {
    const files = await commitContents(this.store, commit.id);
    if (!files.has(TEST_ENTRY)) {
      throw new DomainError(
        "NO_TESTS",
        `Commit ${commit.id} has no ${TEST_ENTRY}; add one that calls test() of @c1/test`,
      );
    }
    files.set(LOCK_NAME, await this.store.commitBlobs.get(commit.lockDigest));
    const built = await buildArtifact(this.builder, {
      what: `the tests of commit ${commit.id}`,
      files,
      goal: "tests",
      signal: this.shutdown,
    });
    const { script, sourceMap, lock } = await keepArtifact(this.store, built);
    const columns = {
      testScriptDigest: script,
      testSourceMapDigest: sourceMap,
      testLockDigest: lock,
    };
    const isKept = await this.store.write(async (tx) => {
      if (await tx.commits.putTests(commit.id, columns)) return true;
      await tx.purges.putBlobs([script, sourceMap, lock]);
      return false;
    });
    if (isKept) return columns;
    throw commitPurged(await commitById(this.store.read, commit.functionId, commit.id));
  }
}
