/** `invoked pull`: a function comes from a tenant by C1's own operations. */
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { FixtureError, readFixtureFile } from "../../domain/testing/fixture.ts";
import type { Api, Files } from "../client/api.ts";
import { isId } from "../client/candidates.ts";
import { findFunction } from "../client/find.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { type Change, changesBetween, formatChange } from "../folder/changes.ts";
import { editorConfig, MANIFEST_SCHEMA, PRIVATE_DIR, writeEditorTypes } from "../folder/editor.ts";
import { noteSkipped, type Skipped } from "../folder/files.ts";
import { MANIFEST_NAME, readFields, readManifest } from "../folder/manifest.ts";
import { paintPatch, patchOf } from "../folder/patches.ts";
import { Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import { firstOf, note, paintNote, printJson } from "../terminal/output.ts";
import { connectToTenant } from "./connect.ts";
import { settingsInFile } from "./fields.ts";
import { findAtTenant } from "./plan.ts";
import { acceptFiles, EDITOR_FILE } from "./pulled_paths.ts";
import { readPresent, writeFiles } from "./pulled_folder.ts";

interface Options {
  readonly tenant: string;
  /** Id, `HEAD` or tag. */
  readonly commit: string;
  readonly yes?: true;
  readonly json?: true;
}

/** Files that an error names. */
const NAMED_MAX = 10;

/**
 * Writes the files of a commit and `invoked.json` into a folder. Files that the commit does not have are kept.
 * @param name of the function; undefined for that of the current folder
 * @throws {Failure} with exit `differences` if a file of the folder differs, without `--yes`
 */
export async function pullFromTenant(
  name: string | undefined,
  given: string,
  { tenant, commit, yes, json }: Options,
): Promise<void> {
  const folder = resolve(given);
  using api = await connectToTenant(tenant);
  const fn = await functionAt(api, name);
  const commitId = await commitIdOf(api, fn, commit);
  const comparison = await compare(api, fn, commitId, folder);
  const { files, changes, overwritten } = comparison;
  note(oneLine(`${fn.displayName} at ${api.url} (${fn.id}, commit ${commitId})`));
  noteComparison(comparison, fn);
  const isWritten = overwritten.length === 0 || yes === true;
  if (isWritten) await write(folder, files, changes);
  if (json) {
    const pulled = { folder, functionId: fn.id, name: fn.displayName, commitId };
    printJson({ ...pulled, changes, overwritten, written: isWritten, secrets: fn.secret });
  } else if (!isWritten) printPatches(comparison);
  if (!isWritten) throw wouldOverwrite(folder, overwritten);
}

/** A commit beside the files of a folder. */
interface Comparison {
  /** Of the commit, with `invoked.json`. */
  readonly files: Files;
  /** Of the folder, at the paths of the commit. */
  readonly present: Files;
  readonly changes: readonly Change[];
  /** Paths of the files that the folder has and that differ. */
  readonly overwritten: readonly string[];
  readonly skipped: readonly Skipped[];
}

async function compare(
  api: Api,
  fn: RemoteFunction,
  commitId: string,
  folder: string,
): Promise<Comparison> {
  const { files: committed } = await api.commit(fn, commitId);
  const { files: sources, skipped } = acceptFiles(committed);
  const manifest = await manifestText(api, fn, folder, committed.get(MANIFEST_NAME));
  const files: Files = new Map([...sources, [MANIFEST_NAME, manifest]]);
  const present = await readPresent(folder, files.keys());
  const changes = changesBetween(present, files);
  return {
    files,
    present,
    changes,
    overwritten: changes.filter(({ change }) => change === "changed").map(({ path }) => path),
    skipped: skipped.filter(({ path }) => path !== MANIFEST_NAME),
  };
}

function noteComparison({ changes, skipped }: Comparison, { secret }: RemoteFunction): void {
  for (const change of changes) note(`  ${formatChange(change, paintNote)}`);
  if (changes.length === 0) note("No differences");
  noteSkipped(skipped);
  if (secret.length > 0) note(`  secrets stay at the tenant: ${secret.map(oneLine).join(", ")}`);
}

function wouldOverwrite(folder: string, paths: readonly string[]): Failure {
  const named = firstOf(paths.map(oneLine), NAMED_MAX);
  return new Failure(`Nothing was written: ${named} of ${folder} would be overwritten`, {
    next: "give --yes to overwrite, or pull into another folder",
    exit: "differences",
  });
}

function printPatches({ changes, present, files }: Comparison): void {
  for (const change of changes.filter(({ change }) => change === "changed")) {
    console.log(paintPatch(patchOf(change, change.path, present, files)));
  }
}

async function write(folder: string, files: Files, changes: readonly Change[]): Promise<void> {
  const changed = changes.flatMap(({ path }) => {
    const content = files.get(path);
    return content === undefined ? [] : [[path, content] as const];
  });
  await writeFiles(folder, new Map(changed));
  await writeEditorTypes(folder);
  const isConfigured = (await readPresent(folder, [EDITOR_FILE])).size > 0;
  note(`  for an editor: types in ${PRIVATE_DIR}${isConfigured ? "" : `, and ${EDITOR_FILE}`}`);
  if (isConfigured) return;
  await writeFiles(
    folder,
    new Map([[EDITOR_FILE, new TextEncoder().encode(await editorConfig())]]),
  );
}

/** The function of a name or id, or that of the current folder, which may have the id of another server. */
async function functionAt(api: Api, name = "."): Promise<RemoteFunction> {
  if (name !== ".") return await findFunction(api, name);
  const named = await readFields(Deno.cwd(), ["id", "name"]);
  if (named === undefined) {
    throw new UsageFailure(
      "No function named: the command names none, and this folder has no invoked.json",
      { next: "name a function of the tenant" },
    );
  }
  return await findAtTenant(api, named) ?? await findFunction(api, named.name);
}

/** The id of a commit: C1 documents no other reference of one. */
async function commitIdOf(api: Api, fn: RemoteFunction, reference: string): Promise<string> {
  const id = reference === "HEAD"
    ? fn.head
    : isId(reference)
    ? reference
    : (await api.tags(fn)).get(reference)?.id;
  if (id !== undefined) return id;
  const what = `Commit ${JSON.stringify(oneLine(reference))} of ${
    oneLine(fn.displayName)
  } not found`;
  throw new Failure(
    reference === "HEAD"
      ? `${what}: the function has no commit yet`
      : `${what}: no tag has this name, and it is not the id of a commit`,
    { next: "name HEAD, a tag or the id of a commit" },
  );
}

/**
 * `invoked.json` of a pulled function: the settings of the tenant, and what else the folder's file has. Its text is kept if
 * nothing differs.
 * @param committed the file of the commit, which has the fixture of the tests
 */
async function manifestText(
  api: Api,
  fn: RemoteFunction,
  folder: string,
  committed: Uint8Array | undefined,
): Promise<Uint8Array> {
  const text = (await readPresent(folder, [MANIFEST_NAME])).get(MANIFEST_NAME);
  const own = text && await readManifest(folder);
  // The file as it is written: the manifest has other units.
  const written = text === undefined
    ? { $schema: MANIFEST_SCHEMA }
    : JSON.parse(new TextDecoder().decode(text));
  const made = {
    ...written,
    ...await settingsInFile(api, fn, own),
    ...committed === undefined ? {} : { tests: fixtureOf(committed) },
  };
  if (text !== undefined && isDeepStrictEqual(made, written)) return text;
  return new TextEncoder().encode(`${JSON.stringify(made, null, 2)}\n`);
}

/** The fixture of the tests in the manifest of a commit. @throws {Failure} */
function fixtureOf(committed: Uint8Array): object {
  try {
    return readFixtureFile(committed);
  } catch (error) {
    if (!(error instanceof FixtureError)) throw error;
    throw new Failure(`Invalid ${MANIFEST_NAME} in the commit: tests.${oneLine(error.message)}`, {
      next: "correct the file at the tenant, or pull another commit with --commit",
    });
  }
}
