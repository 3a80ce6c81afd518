/**
 * The contract of the builder: it turns the files of a commit into one locked and bundled artifact.
 *
 * Its input is hostile: file names, file contents and the packages that they import. The builder knows no HTTP,
 * functions or storage, and works in its own directory.
 */

/** The files of a commit by path. `pathSetViolation` of `paths.ts` accepts the paths. */
export type SourceFiles = ReadonlyMap<string, Uint8Array>;

/** The result of one build. */
export interface Artifact {
  /**
   * The source text of one `async function (meta) {...}` expression: the whole bundle, strict, its
   * `import`s of `node:` modules turned into awaited dynamic imports, `import.meta` into `meta`.
   * Called with `{url, main, filename, dirname}` it resolves to an object that holds the exports of
   * `main.ts` by name. It ends with a `//# sourceURL=` line of {@link SCRIPT_URL}.
   */
  readonly script: string;
  /**
   * Source map version 3 of `script` as JSON, without `sourcesContent`; sources are the author's paths
   * (`main.ts`, `lib/util.ts`) or package paths (`npm:zod@4.6.7/v4/core.js`), never a server path.
   */
  readonly sourceMap: string;
  /** The `deno.lock` that pins every dependency, as Deno writes it; minimal without dependencies. */
  readonly lock: string;
  /** Version of the Deno that built it, such as `2.9.6`. */
  readonly denoVersion: string;
  /** Warnings about code that compiles and is likely to be a mistake; empty for tests. */
  readonly warnings: readonly Diagnostic[];
}

/** The URL of a bundle in stack frames. */
export const SCRIPT_URL = "invoked:bundle.js";

/** One error of a commit, or a warning. */
export interface Diagnostic {
  /**
   * The file as its author writes it in the function's folder, such as `main.ts` or `../shared/text.ts`; absent if the
   * compiler names none.
   */
  readonly path?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
  /** The compiler's message without server paths. */
  readonly message: string;
}

/** The result for a commit. Exceptions are errors of the server alone. */
export type BuildResult =
  | { readonly kind: "built"; readonly artifact: Artifact }
  | { readonly kind: "rejected"; readonly diagnostics: readonly Diagnostic[] };

/**
 * The compiler was killed from outside: by the kernel when the machine ran out of memory, or by an operator. Says nothing
 * about the commit: another build may succeed.
 */
export class CompilerKilled extends Error {
  override name = "CompilerKilled";

  /** @param how what was killed, and by which signal */
  constructor(how: string) {
    super(`${how}, as the kernel does when the machine runs out of memory`);
  }
}

/**
 * Why types were not checked. `TIMEOUT`, `OUT_OF_MEMORY`, `TOO_COMPLEX` and `TOO_LARGE` are limits of the check;
 * `CHECKER_FAILED` is every other end of the compiler that is not a list of errors.
 */
export const UNCHECKED_REASONS = [
  "TIMEOUT",
  "OUT_OF_MEMORY",
  "TOO_COMPLEX",
  "TOO_LARGE",
  "CHECKER_FAILED",
] as const;
export type UncheckedReason = typeof UNCHECKED_REASONS[number];

/** Why the types of a commit could not be checked: no error that the compiler found in them. */
export interface Unchecked {
  readonly reason: UncheckedReason;
  /** The reason in words, with the limit and its setting; continues "types not checked". */
  readonly message: string;
}

/** The result of a type check. Exceptions are errors of the server alone. */
export type TypeCheckResult =
  | { readonly kind: "checked"; readonly diagnostics: readonly Diagnostic[] }
  | { readonly kind: "unchecked"; readonly unchecked: Unchecked };

/** Limits of a build; each is a setting in `src/config`. */
export interface BuildLimits {
  readonly timeoutMs: number;
  /** Memory of one build, and of one type check, in bytes. */
  readonly buildMemoryBytes: number;
  readonly checkMemoryBytes: number;
  /** Bundle size in bytes. */
  readonly artifactBytes: number;
  /** Bytes that one run of the compiler may download from the package registry. */
  readonly maxDownloadBytes: number;
  /** Builds that run at the same time, besides one type check; further builds wait. */
  readonly concurrency: number;
}

/**
 * The goal of a build: the function of `main.ts`, or the tests of `main.test.ts`. The default export of a script for
 * tests runs them.
 */
export type BuildGoal = "function" | "tests";

/** Declarations and manifests of packages, as they lie in a `node_modules`. */
export interface PackageTypes {
  /** Texts by path, such as `node_modules/zod/index.d.ts`. */
  readonly files: ReadonlyMap<string, string>;
  /** Whether files are left out, beyond a limit. */
  readonly isTruncated: boolean;
  /** Packages with their versions that the cache does not have. */
  readonly missing: readonly string[];
}

/** A package that does not resolve. */
export interface PackageError {
  /** As it was asked for, such as `zod@^9`. */
  readonly name: string;
  readonly message: string;
}

/** Packages that were resolved without a commit: the lock of the packages that the registry has. */
export type ResolvedPackages =
  | {
    readonly kind: "resolved";
    /** The `deno.lock` for {@link Builder.packageTypes}. */
    readonly lock: string;
    readonly errors: readonly PackageError[];
  }
  | { readonly kind: "rejected"; readonly diagnostics: readonly Diagnostic[] };

/** Builds commits. Disposing it does not end running builds: abort them first. */
export interface Builder extends AsyncDisposable {
  /** Sets up the isolation of the compiler. @throws {IsolationError} if the configured mode does not work */
  start(): Promise<void>;
  /** The isolation of the compiler, in words for the operator. */
  readonly walls: string;
  /**
   * Throws for errors of the server alone (no disk, no compiler). Aborting kills the build.
   * @throws {CompilerKilled}
   */
  build(files: SourceFiles, signal: AbortSignal, goal?: BuildGoal): Promise<BuildResult>;
  /**
   * The type errors of `main.ts`, and of `main.test.ts` if it exists, besides the errors for which a build is
   * rejected. Throws and aborts as `build` does.
   */
  checkTypes(files: SourceFiles, signal: AbortSignal): Promise<TypeCheckResult>;
  /** Declarations of the packages of a lock, as far as the cache of the builder has them. */
  packageTypes(lock: string): Promise<PackageTypes>;
  /**
   * Downloads packages from the registry, one request at a time, within the limits of a build. Throws and aborts as
   * `build` does.
   * @param packages such as `zod` and `@scope/name@^1.2.0`
   * @param lock text of a `deno.lock` whose versions are kept
   */
  resolvePackages(
    packages: readonly string[],
    lock: string | undefined,
    signal: AbortSignal,
  ): Promise<ResolvedPackages>;
}
