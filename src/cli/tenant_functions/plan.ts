/** What a deploy to a tenant would change. */
import { ROOT_FILE } from "../../builder/source_tree.ts";
import { countOf } from "../../config/mod.ts";
import { VALUE_NAME, VALUE_NAME_RULE } from "../../domain/functions/named_values.ts";
import type { Api, Files } from "../client/api.ts";
import { lookFor } from "../client/find.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { type Change, changesBetween } from "../folder/changes.ts";
import { readFunctionFolder, type Skipped } from "../folder/files.ts";
import { handlersOf } from "../folder/handlers.ts";
import { type Manifest, MANIFEST_NAME } from "../folder/manifest.ts";
import { Failure, oneLine, UsageFailure } from "../terminal/failure.ts";
import { warningsBeyondC1, withoutRecordings } from "./beyond_c1.ts";
import { leftOutFields, roleIdsAt, type SettingDifference, settingDifferences } from "./fields.ts";

/** How `--head` writes that the function does not exist yet, or has no commit. */
const NO_HEAD = "none";

/** What a user asks for besides the folder. */
export interface Wanted {
  readonly publish: boolean;
  /** The name of a tag for the commit. */
  readonly tag: string | undefined;
  /** Names of the secrets whose values the deploy sets. */
  readonly secrets: readonly string[];
  /** The head that the folder was compared with before; undefined for any. */
  readonly head: string | undefined;
}

/** The differences between a folder and its function at a tenant. */
export interface Plan {
  readonly name: string;
  readonly description: string;
  /** The function at the tenant as it was compared; undefined for a new one. */
  readonly fn: RemoteFunction | undefined;
  readonly files: Files;
  /** The files of the head. */
  readonly before: Files;
  readonly changes: readonly Change[];
  /** Whether a commit is made; otherwise the head is the commit. */
  readonly commits: boolean;
  readonly settings: readonly SettingDifference[];
  readonly secrets: readonly string[];
  /** Why the function may fail at the tenant. */
  readonly warnings: readonly string[];
  /** Undefined if the commit has the tag already. */
  readonly tag: string | undefined;
  readonly publishes: boolean;
  /** Fields of `invoked.json` that C1 does not have, and folders with recorded answers of a tenant. */
  readonly leftOut: readonly string[];
  readonly skipped: readonly Skipped[];
}

/** Whether a deploy would change anything. */
export function hasDifferences(plan: Plan): boolean {
  const { fn, commits, settings, secrets, tag, publishes } = plan;
  const isChanged = commits || publishes || tag !== undefined;
  return fn === undefined || isChanged || settings.length > 0 || secrets.length > 0;
}

/** The head in the form of `--head`. */
export function headOf(fn: RemoteFunction | undefined): string {
  return fn?.head ?? NO_HEAD;
}

/**
 * Compares a folder with its function at a tenant. Changes nothing.
 * @throws {Failure} for a folder that no tenant can build, for several functions of the name, and for a tag of another commit
 */
export async function planDeploy(
  api: Api,
  folder: string,
  manifest: Manifest,
  wanted: Wanted,
): Promise<Plan> {
  checkSecretNames(wanted.secrets);
  const { files: found, skipped } = await readFunctionFolder(folder);
  rejectFilesAbove(found);
  const own = new Map([...found].filter(([path]) => path !== MANIFEST_NAME));
  const { files, folders } = withoutRecordings(own);
  const fn = await findAtTenant(api, manifest);
  assertHead(api, fn, wanted.head);
  const before = fn?.head === undefined ? new Map() : (await api.commit(fn, fn.head)).files;
  const changes = changesBetween(before, files);
  const commits = changes.length > 0 || fn?.head === undefined;
  const roles = await roleIdsAt(api, manifest.roles);
  const secrets = [...fn?.secret ?? [], ...wanted.secrets];
  return {
    name: manifest.name,
    description: manifest.description ?? "",
    fn,
    files,
    before,
    changes,
    commits,
    settings: settingDifferences(manifest, roles, fn),
    secrets: wanted.secrets,
    warnings: [
      ...warningsOfCode(files),
      ...warningsBeyondC1(files),
      ...warningsOfSecrets(manifest, secrets),
    ],
    tag: await tagToCreate(api, fn, commits, wanted.tag),
    publishes: wanted.publish && (commits || fn?.head !== fn?.publishedCommitId),
    leftOut: [...leftOutFields(manifest), ...folders],
    skipped,
  };
}

/** C1 has no endpoints: it calls the default export. */
function warningsOfCode(files: Files): string[] {
  return handlersOf(files).json === false
    ? ["main.ts exports no function by default, which is all that C1 calls"]
    : [];
}

/** @param names the secrets of the function after the deploy */
function warningsOfSecrets({ tests }: Manifest, names: readonly string[]): string[] {
  const missing = Object.keys(tests?.secrets ?? {}).filter((name) => !names.includes(name));
  if (missing.length === 0) return [];
  return [
    `the tests declare ${countOf(missing.length, "secret")} that the function does not have: ${
      missing.map(oneLine).join(", ")
    }; set secrets with --secrets FILE`,
  ];
}

/** The function of the manifest's id, if the tenant has one, or else of its name: an id may be that of another server. */
export async function findAtTenant(
  api: Api,
  { id, name }: Pick<Manifest, "id" | "name">,
): Promise<RemoteFunction | undefined> {
  const byId = id === undefined ? undefined : await api.functionById(id);
  if (byId !== undefined && byId.deletedAt === undefined) return byId;
  return await lookFor(api, name);
}

/**
 * Asserts that the head is the one that was compared.
 * @param wanted in the form of `--head`; undefined for any
 * @throws {Failure} for another head
 */
export function assertHead(
  api: Api,
  fn: RemoteFunction | undefined,
  wanted: string | undefined,
): void {
  const now = headOf(fn);
  if (wanted === undefined || wanted === now) return;
  throw new Failure(
    `Conflict: the head of the function at ${api.url} is ${oneLine(now)} and not ${
      oneLine(wanted)
    }, so the function has been deployed since; nothing was published`,
    { next: "compare again without --yes, then deploy with the head that it prints" },
  );
}

async function tagToCreate(
  api: Api,
  fn: RemoteFunction | undefined,
  commits: boolean,
  tag: string | undefined,
): Promise<string | undefined> {
  if (tag === undefined) return undefined;
  if (tag === "") {
    throw new UsageFailure("Invalid --tag: it is empty", { next: "name the tag" });
  }
  const tagged = fn === undefined ? undefined : (await api.tags(fn)).get(tag);
  if (tagged === undefined) return tag;
  if (!commits && tagged.id === fn?.head) return undefined;
  throw new Failure(
    `Tag ${oneLine(tag)} exists: it names commit ${tagged.id}; nothing was deployed`,
    { next: "choose another tag" },
  );
}

function checkSecretNames(names: readonly string[]): void {
  const invalid = names.find((name) => !VALUE_NAME.test(name));
  if (invalid === undefined) return;
  throw new UsageFailure(
    `Invalid secret ${JSON.stringify(oneLine(invalid))}: a name has ${VALUE_NAME_RULE}`,
    { next: "correct the name" },
  );
}

/** C1 builds a commit as it is, so main.ts could not import these files there. */
function rejectFilesAbove(files: Files): void {
  if (!files.has(ROOT_FILE)) return;
  throw new Failure(
    "The function imports files above its folder, which a commit of C1 cannot have",
    { next: "copy these files into the folder, or publish them as a package of npm" },
  );
}
