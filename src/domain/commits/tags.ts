import { quoted } from "../../config/mod.ts";
import type { CommitRow } from "../../store/commits.ts";
import type { Store } from "../../store/mod.ts";
import { DomainError, invalid, notFound } from "../errors.ts";
import { locks } from "../locks.ts";
import { anyFunction, finalizedCommit, liveFunction } from "../references.ts";

/** `HEAD` names the newest commit. */
const TAG_NAME = /^(?!HEAD$)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Tags: names that a function gives to its commits. A tag does not move; delete it to use its name again. */
export class Tags {
  constructor(private readonly store: Store) {}

  /** Tags a commit; a repeat has no effect. @throws TAG_ALREADY_EXISTS */
  async create(functionId: string, name: string, reference: string): Promise<void> {
    const fn = await liveFunction(this.store.read, functionId);
    if (!TAG_NAME.test(name)) {
      throw invalid({
        field: "name",
        description: `${quoted(name)} is not a tag name: 1 to 128 letters, digits, dots, ` +
          "underscores and hyphens, beginning with a letter or digit, and not HEAD",
      });
    }
    if (reference === "") throw invalid({ field: "commitId", description: "must not be empty" });
    const commit = await finalizedCommit(this.store.read, fn, reference);
    const now = new Date().toISOString();
    const holder = await this.store.writeLocked(
      [locks.ofFunction(fn.id)],
      async (tx) =>
        await tx.commits.insertTag(fn.id, name, commit.id, now)
          ? commit
          : await tx.commits.tagged(fn.id, name),
    );
    if (holder?.id === commit.id) return;
    throw new DomainError(
      "TAG_ALREADY_EXISTS",
      `Tag ${name} already exists: commit ${holder?.id} has the tag; delete it first`,
    );
  }

  /** Every tag of the function with its commit, by name. */
  async list(functionId: string): Promise<{ name: string; commit: CommitRow }[]> {
    const fn = await anyFunction(this.store.read, functionId);
    return await this.store.read.commits.tags(fn.id);
  }

  /** @throws TAG_NOT_FOUND */
  async delete(functionId: string, name: string): Promise<void> {
    const fn = await liveFunction(this.store.read, functionId);
    const deleted = await this.store.writeLocked(
      [locks.ofFunction(fn.id)],
      (tx) => tx.commits.deleteTag(fn.id, name),
    );
    if (deleted) return;
    throw notFound("TAG_NOT_FOUND", "Tag", name, `of function ${fn.id} does not exist`);
  }
}
