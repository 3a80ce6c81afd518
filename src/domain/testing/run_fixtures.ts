/** The fixtures of a run of tests. */
import { nearest, quoted } from "../../config/mod.ts";
import { HostCallError } from "../../sandbox/contract.ts";
import type { Digest } from "../../store/blobs/commit_blobs.ts";
import type { CommitFileRow } from "../../store/commits.ts";
import { isUploaded } from "../commits/builds.ts";
import { INVALID_FIXTURE } from "../../../sdk/test_limits.ts";
import { ancestorsOf, PathError, volumePath } from "../volumes/paths.ts";
import { type DeclaredFixture, FixtureError, readFixture } from "./fixture.ts";

/** A file of the volume of a test. */
export interface SeedFile {
  /** In the form of {@link volumePath}. */
  readonly path: string;
  /** The text, or the digest of the commit blob with the bytes. */
  readonly content: { readonly text: string } | { readonly digest: Digest };
}

/** A fixture as tests get it. */
export interface Fixture {
  /** The files of each test's volume; undefined without a volume. */
  readonly volume: readonly SeedFile[] | undefined;
  readonly secrets: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, string>>;
  readonly allowedHosts: readonly string[];
  /** The files of the recording that answers in place of a tenant; undefined without one. */
  readonly tenant: readonly RecordingFile[] | undefined;
}

/** A file of a recording. */
export interface RecordingFile {
  readonly name: string;
  readonly digest: Digest;
}

/** Values of one run alone. They win over those that the tests declare. */
export interface RunValues {
  readonly secrets: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * The fixtures of a run: of `invoked.json`, then also of `registerTests`, whose fields win. Secrets of the run itself
 * win over those of both.
 */
export class RunFixtures {
  #declared: string | undefined;
  #current: Fixture;

  /** @throws FixtureError */
  constructor(
    private readonly base: DeclaredFixture,
    private readonly files: readonly CommitFileRow[],
    private readonly own: RunValues,
    /** Whether tests call the tenant of their function, so that no recording is read. */
    private readonly callsTenants: boolean,
  ) {
    this.#current = this.#resolve(base);
  }

  get current(): Fixture {
    return this.#current;
  }

  /**
   * Takes what an instance declares with `registerTests`.
   * @returns whether the tests need another instance, which begins with the secrets and hosts
   * @throws HostCallError for an invalid fixture, and for another one than that of an earlier instance
   */
  declare(json: unknown): boolean {
    const text = JSON.stringify(json);
    if (text === this.#declared) return false;
    if (this.#declared !== undefined) {
      throw violation("it declares another fixture each time that main.test.ts is loaded");
    }
    this.#declared = text;
    const before = this.#current;
    try {
      this.#current = this.#resolve({ ...this.base, ...readFixture(json) });
    } catch (error) {
      if (!(error instanceof FixtureError)) throw error;
      throw violation(error.field === "" ? `it ${error.violation}` : error.message);
    }
    const ofInstance = ({ volume: _volume, tenant: _tenant, ...others }: Fixture) =>
      JSON.stringify(others);
    return ofInstance(before) !== ofInstance(this.#current);
  }

  #resolve(
    { volume, secrets, variables = {}, allowedHosts = [], tenant }: DeclaredFixture,
  ): Fixture {
    return {
      volume: volume && seedOf(volume, this.files),
      secrets: { ...secrets, ...this.own.secrets },
      variables: { ...variables, ...this.own.variables },
      allowedHosts,
      tenant: tenant === undefined || this.callsTenants
        ? undefined
        : recordingIn(tenant, this.files),
    };
  }
}

/** An error that the instance throws with the stack of its call of `registerTests`. */
function violation(message: string): HostCallError {
  return new HostCallError(INVALID_FIXTURE, message);
}

/** @throws FixtureError */
function seedOf(
  { files = {}, folder }: NonNullable<DeclaredFixture["volume"]>,
  rows: readonly CommitFileRow[],
): readonly SeedFile[] {
  const seed = folder === undefined
    ? Object.entries(files).map(([path, text]) => ({
      path: seedPath("volume.files", path),
      content: { text },
    }))
    : filesBelow(folder, rows);
  const paths = new Set<string>();
  for (const { path } of seed) {
    if (paths.has(path)) {
      throw new FixtureError("volume.files", `${JSON.stringify(path)} is given twice`);
    }
    paths.add(path);
  }
  const inner = seed.find(({ path }) => ancestorsOf(path).some((above) => paths.has(above)));
  if (inner === undefined) return seed;
  throw new FixtureError("volume.files", `${JSON.stringify(inner.path)} is below another file`);
}

function filesBelow(folder: string, rows: readonly CommitFileRow[]): readonly SeedFile[] {
  return commitFilesIn("volume.folder", folder, rows).map(({ path, digest }) => ({
    path: seedPath("volume.folder", path),
    content: { digest },
  }));
}

/** The files of a recording, which has no folders. @throws FixtureError */
function recordingIn(folder: string, rows: readonly CommitFileRow[]): readonly RecordingFile[] {
  const next = "; invoked test --record FOLDER makes one";
  return commitFilesIn("tenant", folder, rows, next).filter(({ path }) => !path.includes("/"))
    .map(({ path, digest }) => ({ name: path, digest }));
}

/**
 * The files of the commit in a folder, by their path below it; at least one.
 * @param next what helps without the folder, for the message
 * @throws FixtureError for the name of no such folder
 */
function commitFilesIn(
  field: string,
  folder: string,
  rows: readonly CommitFileRow[],
  next = "",
): readonly { readonly path: string; readonly digest: Digest }[] {
  const named = seedPath(field, folder).slice(1);
  const uploaded = rows.filter(isUploaded);
  const found = uploaded.filter(({ path }) => path.startsWith(`${named}/`))
    .map(({ path, digest }) => ({ path: path.slice(named.length + 1), digest }));
  if (found.length > 0) return found;
  const likely = nearest(named, foldersOf(uploaded));
  const hint = likely === undefined ? next : `; did you mean ${quoted(likely)}?`;
  throw new FixtureError(field, `no file of the commit is in ${quoted(folder)}${hint}`);
}

/** The folders that have files, and those above them. */
function foldersOf(rows: readonly CommitFileRow[]): readonly string[] {
  const folders = rows.flatMap(({ path }) =>
    ancestorsOf(`/${path}`).map((above) => above.slice(1))
  );
  return [...new Set(folders)];
}

function seedPath(field: string, text: string): string {
  try {
    const path = volumePath(text);
    if (path !== "/") return path;
    throw new PathError("is the root");
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    throw new FixtureError(field, `${quoted(text)} ${error.message}`);
  }
}
