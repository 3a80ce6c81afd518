import { type Builder, TEST_ENTRY } from "../../builder/mod.ts";
import { LOCK_NAME } from "../../builder/lock.ts";
import type { FinalizedCommitRow, TestArtifactColumns } from "../../store/commits.ts";
import type { Store } from "../../store/mod.ts";
import { buildFailed, commitContents, keepArtifact } from "../commits/builds.ts";
import { DomainError } from "../errors.ts";

/**
 * The builds of commits' tests. Each is made when the tests first run, and kept: finalizing a commit does not
 * wait for it, and a commit whose tests do not build can be called all the same. The packages that `main.ts`
 * uses are those that the commit locked; those of the tests alone are locked by their first build.
 */
export class TestArtifacts {
  /** Builds under way by commit, so that one is made once at a time. */
  readonly #building = new Map<string, Promise<TestArtifactColumns>>();

  constructor(
    private readonly store: Store,
    private readonly builder: Builder,
    /** Ends builds when the server stops; a caller who hangs up does not. */
    private readonly shutdown: AbortSignal,
  ) {}

  /** @throws NO_TESTS, BUILD_FAILED */
  async of(commit: FinalizedCommitRow): Promise<TestArtifactColumns> {
    const { testScriptDigest, testSourceMapDigest, testLockDigest } = commit;
    if (testScriptDigest !== null && testSourceMapDigest !== null && testLockDigest !== null) {
      return { testScriptDigest, testSourceMapDigest, testLockDigest };
    }
    const underway = this.#building.get(commit.id);
    if (underway !== undefined) return await underway;
    const building = this.#build(commit).finally(() => this.#building.delete(commit.id));
    this.#building.set(commit.id, building);
    return await building;
  }

  async #build(commit: FinalizedCommitRow): Promise<TestArtifactColumns> {
    const files = await commitContents(this.store, commit.id);
    if (!files.has(TEST_ENTRY)) {
      throw new DomainError(
        "NO_TESTS",
        `Commit ${commit.id} has no ${TEST_ENTRY}: add one that calls test() of @c1/test`,
      );
    }
    files.set(LOCK_NAME, await this.store.commitBlobs.get(commit.lockDigest));
    const result = await this.builder.build(files, this.shutdown, "tests");
    if (result.kind === "refused") throw buildFailed(`the tests of commit ${commit.id}`, result);
    const { script, sourceMap, lock } = await keepArtifact(this.store, result.artifact);
    const columns = {
      testScriptDigest: script,
      testSourceMapDigest: sourceMap,
      testLockDigest: lock,
    };
    await this.store.write((tx) => tx.commits.putTests(commit.id, columns));
    return columns;
  }
}
