import { LRUCache } from "lru-cache";
import { type Builder, type PackageError, type PackageTypes, sdkTypes } from "../../builder/mod.ts";
import type { Store } from "../../store/mod.ts";
import { anyFunction, finalizedCommit } from "../references.ts";
import { buildFailed } from "./builds.ts";

export type { PackageError, PackageTypes };

/** Sets of types that are kept in memory, by their locks. */
const KEPT_MAX = 4;

/** The types that an editor needs: of the SDK, and of packages that a commit has locked or that code names. */
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
    return await this.#withSdk(
      lockDigest,
      async () => new TextDecoder().decode(await this.store.commitBlobs.get(lockDigest)),
    );
  }

  /**
   * Those of packages that no commit has yet. The server downloads the packages as for a build.
   * @param packages such as `zod` and `@scope/name@^1.2.0`
   * @param lock text of a `deno.lock` whose versions are kept
   * @throws BUILD_FAILED for an invalid lock, and at a limit of builds
   */
  async resolve(
    packages: readonly string[],
    lock: string | undefined,
    signal: AbortSignal,
  ): Promise<PackageTypes & { readonly errors: readonly PackageError[] }> {
    const resolved = await this.builder.resolvePackages(packages, lock, signal);
    if (resolved.kind === "rejected") throw buildFailed("the types of packages", resolved);
    const types = await this.#withSdk(resolved.lock, () => resolved.lock);
    return { ...types, errors: resolved.errors };
  }

  /** @param key of the lock */
  async #withSdk(key: string, lock: () => string | Promise<string>): Promise<PackageTypes> {
    const kept = this.#kept.get(key) ?? await this.#read(key, await lock());
    return { ...kept, files: new Map([...kept.files, ...await sdkTypes()]) };
  }

  async #read(key: string, lock: string): Promise<PackageTypes> {
    const types = await this.builder.packageTypes(lock);
    // A later build may download what is missing.
    if (types.missing.length === 0) this.#kept.set(key, types);
    return types;
  }
}
