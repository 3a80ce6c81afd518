import { LRUCache } from "lru-cache";
import { type Builder, type PackageTypes, sdkTypes } from "../../builder/mod.ts";
import type { Store } from "../../store/mod.ts";
import { anyFunction, finalizedCommit } from "../references.ts";

export type { PackageTypes };

/** Sets of types that are kept in memory, by the digests of their locks. */
const KEPT_MAX = 4;

/** The types that an editor needs: of the SDK, and of the locked packages of a commit. */
export class CommitTypes {
  readonly #kept = new LRUCache<string, PackageTypes>({ max: KEPT_MAX });

  constructor(private readonly store: Store, private readonly builder: Builder) {}

  /** Those of the SDK alone, for a function without a commit. */
  async sdk(): Promise<PackageTypes> {
    return { files: await sdkTypes(), isTruncated: false, missing: [] };
  }

  /** @param reference of a commit. @throws FUNCTION_NOT_FOUND, COMMIT_NOT_FOUND, PURGED */
  async of(functionId: string, reference: string): Promise<PackageTypes> {
    const fn = await anyFunction(this.store.read, functionId);
    const { lockDigest } = await finalizedCommit(this.store.read, fn, reference);
    const kept = this.#kept.get(lockDigest) ?? await this.#read(lockDigest);
    return { ...kept, files: new Map([...kept.files, ...await sdkTypes()]) };
  }

  async #read(lockDigest: string): Promise<PackageTypes> {
    const lock = new TextDecoder().decode(await this.store.commitBlobs.get(lockDigest));
    const types = await this.builder.packageTypes(lock);
    // A later build may download what is missing.
    if (types.missing.length === 0) this.#kept.set(lockDigest, types);
    return types;
  }
}
