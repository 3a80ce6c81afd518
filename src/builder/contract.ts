/**
 * The port of the builder room: the files of a commit in, one locked and bundled artifact out.
 *
 * Everything that comes in is hostile: file names, file contents, the packages they import.
 * Nothing in this room knows HTTP, functions or storage; it works in a directory of its own.
 */

/** The files of a commit by path. Paths are those that `pathSetFault` of `paths.ts` accepts. */
export type SourceFiles = ReadonlyMap<string, Uint8Array>;

/** What one build makes. */
export interface Artifact {
  /**
   * The source text of one `async function (meta) {...}` expression: the whole bundle, strict, its
   * `import`s of `node:` modules turned into awaited dynamic imports, `import.meta` into `meta`.
   * Called with `{url, main, filename, dirname}` it resolves to an object that holds the exports of
   * `main.ts` by name. It ends with a `//# sourceURL=` line of {@link SCRIPT_URL}.
   */
  readonly script: string;
  /**
   * Source map version 3 of `script` as JSON, without `sourcesContent`; sources are the commit's own paths
   * (`main.ts`, `lib/util.ts`) or package paths (`npm:zod@4.6.7/v4/core.js`), never a server path.
   */
  readonly sourceMap: string;
  /** The `deno.lock` that pins every dependency; written by Deno, minimal where there are none. */
  readonly lock: string;
  /** Version of the Deno that built it, e.g. `2.9.6`. */
  readonly denoVersion: string;
}

/** Where stack frames of a bundle claim to come from. */
export const SCRIPT_URL = "invoked:bundle.js";

/** One reason why a commit does not build. */
export interface Diagnostic {
  /** Path in the commit, when the compiler named one. */
  readonly path?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
  /** The compiler's message, free of server paths. */
  readonly message: string;
}

/** A commit that does not build is an answer, not an exception; exceptions are the server's own faults. */
export type BuildResult =
  | { readonly kind: "built"; readonly artifact: Artifact }
  | { readonly kind: "rejected"; readonly diagnostics: readonly Diagnostic[] };

/** Limits of a build, each a named setting in `src/config`. */
export interface BuildLimits {
  readonly timeoutMs: number;
  readonly memoryBytes: number;
  /** Bundle size in bytes. */
  readonly artifactBytes: number;
  /** Bytes that one run may download from the package registry. */
  readonly maxDownloadBytes: number;
  /** Builds at the same time, and one check of types beside them; further ones wait. */
  readonly concurrency: number;
}

/**
 * What a build is for: the function of `main.ts`, or the tests of `main.test.ts`, whose script has a function in
 * the place of the former that runs them.
 */
export type BuildGoal = "function" | "tests";

/** Builds commits. Disposing it does not end builds: abort them first. */
export interface Builder extends AsyncDisposable {
  /** Raises the walls around the compiler; rejects where those that were asked for cannot stand. */
  start(): Promise<void>;
  /** The walls that stand around the compiler, in words for the operator. */
  readonly walls: string;
  /** Rejects only for faults of the server itself (no disk, no compiler). Aborting kills the build. */
  build(files: SourceFiles, signal: AbortSignal, goal?: BuildGoal): Promise<BuildResult>;
  /**
   * The type errors of the files: of `main.ts`, and of `main.test.ts` where there is one. None where all is
   * well. What a build would refuse before types matter is among them. Rejects and aborts as `build` does.
   */
  checkTypes(files: SourceFiles, signal: AbortSignal): Promise<readonly Diagnostic[]>;
}
