import { isDeepStrictEqual } from "node:util";
import type { Field } from "../../resources/field.ts";
import { FUNCTION_SETTINGS } from "../../resources/functions.ts";
import { isBuiltinRole, roleIdOf } from "../../resources/roles.ts";
import type { Api, Files, FunctionChange } from "../client/api.ts";
import { ApiError } from "../client/api_error.ts";
import { MissingEndpoint } from "../client/api_error.ts";
import { isId } from "../client/candidates.ts";
import { findVolume, lookFor } from "../client/find.ts";
import type { Commit } from "../client/commit_schemas.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { Failure } from "../terminal/failure.ts";
import { note } from "../terminal/output.ts";
import { inParallel } from "../client/parallel.ts";
import { type Change, changesBetween } from "./changes.ts";
import type { Manifest } from "./manifest.ts";

/** Uploads of one commit that run at the same time. */
const PARALLEL_UPLOADS = 4;

/** The function of a folder on the server, and how the folder differs from its head. */
export interface Comparison {
  /** Undefined if the server does not have it. */
  readonly fn: RemoteFunction | undefined;
  /** With the paths of commits. */
  readonly changes: readonly Change[];
}

/** Compares the files of a folder with the head of its function. */
export async function compare(api: Api, manifest: Manifest, files: Files): Promise<Comparison> {
  const fn = await findDeployed(api, manifest);
  const head = fn?.head === undefined ? new Map() : await headFiles(api, fn);
  return { fn, changes: changesBetween(head, files) };
}

/** The files of the head; none if it cannot run any more, so that every file is new. */
async function headFiles(api: Api, fn: RemoteFunction): Promise<Files> {
  try {
    return (await api.commit(fn, "HEAD")).files;
  } catch (error) {
    if (error instanceof ApiError && error.reason === "PURGED") return new Map();
    throw error;
  }
}

async function findDeployed(api: Api, { id, name }: Manifest): Promise<RemoteFunction | undefined> {
  if (id === undefined) return await lookFor(api, name);
  const fn = await api.functionById(id);
  if (fn !== undefined) return fn;
  throw new Failure(`Function ${id} not found: ${api.url} has no function with this id`, {
    next: "correct or remove the id in invoked.json",
  });
}

/** Creates a commit in the three steps of C1's API: open, upload each file, finalize. */
export async function makeCommit(
  api: Api,
  fn: RemoteFunction,
  files: Files,
  message: string,
): Promise<Commit> {
  return await api.finalize(fn, await uploadCommit(api, fn, files, message));
}

/** Opens a commit and uploads each file. @returns the id of the commit, which has yet to be finalized */
export async function uploadCommit(
  api: Api,
  fn: RemoteFunction,
  files: Files,
  message: string,
): Promise<string> {
  const { commitId, uploadUrls } = await api.openCommit(fn, [...files.keys()], message);
  await inParallel(PARALLEL_UPLOADS, files, async ([path, content]) => {
    const url = uploadUrls.get(path);
    if (url === undefined) {
      throw new Failure(`Failed to upload ${path}: the server gave no upload URL`);
    }
    await api.upload(path, url, content);
  });
  return commitId;
}

/**
 * The id of the volume to bind. Undefined without a volume, and for C1, where the command line attaches the volume to
 * invocations.
 */
async function volumeToBind(api: Api, { volume }: Manifest): Promise<string | undefined> {
  if (volume === undefined) return undefined;
  try {
    return (await findVolume(api, volume)).id;
  } catch (error) {
    if (error instanceof MissingEndpoint) return undefined;
    throw error;
  }
}

/**
 * The roles of a manifest, with ids in place of the names of roles that are not built-in. The server rejects unknown names.
 * @throws {Failure} for a name of several roles
 */
async function rolesToSet(api: Api, { roles }: Manifest): Promise<string[] | undefined> {
  return roles && await Promise.all(roles.map(async (role) => {
    const isNamed = isBuiltinRole(role) || isId(role);
    return isNamed ? role : (await api.roles.named(role))?.id ?? role;
  }));
}

/** Tenants that are searched for a name: more than a server may have. */
const MAX_TENANTS = 1000;

/**
 * The tenant of a manifest as the server answers it: with its id, and the access that counts. Callers who may not list the
 * tenants send it as it is.
 */
async function tenantToSet(
  api: Api,
  { tenant }: Manifest,
): Promise<Manifest["tenant"]> {
  const name = tenant?.id?.toLowerCase();
  if (!name) return tenant;
  const tenants = await api.tenants.list(MAX_TENANTS).catch((error) => {
    if (error instanceof ApiError && (error.isMissingEndpoint || error.reason === "ROLE_MISSING")) {
      return [];
    }
    throw error;
  });
  const found = tenants.find((one) => one.name.toLowerCase() === name || one.host === name);
  const { access } = FUNCTION_SETTINGS.tenant.fields;
  const credential = found?.credentials.find(({ clientId }) => clientId === tenant?.credentialId);
  return {
    access: access.unset.inForce,
    ...tenant,
    ...found && { id: found.id },
    ...credential && { credentialId: credential.id },
  };
}

/**
 * Checks on the server what a deploy would set, before anything is uploaded. A server of C1 cannot do that.
 * @param fn undefined for a new function
 */
export async function checkSettings(
  api: Api,
  manifest: Manifest,
  additions: Additions,
  fn: RemoteFunction | undefined,
): Promise<void> {
  const change = settingsChange(manifest, additions, fn);
  if (Object.keys(change).length === 0) return;
  try {
    await api.checkSettings(manifest.name, fn, change);
  } catch (error) {
    if (error instanceof ApiError && error.isMissingEndpoint) return;
    note("Nothing was deployed: the server rejects a setting of invoked.json");
    throw error;
  }
}

/** What the flags of a deploy add to `invoked.json`. */
export interface Additions {
  /** Id of the volume that the manifest names. */
  readonly volumeId: string | undefined;
  /** The roles of the manifest, by ids or names of built-in roles; undefined to leave the roles as they are. */
  readonly roles: readonly string[] | undefined;
  /** The tenant of the manifest as the server answers it; undefined to leave the tenant as it is. */
  readonly tenant: Manifest["tenant"];
  /** Variables besides the variables of the manifest, or else of the function. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What a deploy adds to the settings of `invoked.json`. @param variables of the flags */
export async function additionsOf(
  api: Api,
  manifest: Manifest,
  variables: Additions["variables"],
): Promise<Additions> {
  return {
    volumeId: await volumeToBind(api, manifest),
    roles: await rolesToSet(api, manifest),
    tenant: await tenantToSet(api, manifest),
    variables,
  };
}

/**
 * The fields of `invoked.json` that differ on the server; absent fields do not change.
 * @param fn undefined for a new function, of which every field is set
 */
export function settingsChange(
  manifest: Manifest,
  { volumeId, roles, tenant, variables }: Additions,
  fn: RemoteFunction | undefined,
): FunctionChange {
  const settings = Object.entries<Field>(FUNCTION_SETTINGS).map(([name, { file = name }]) => [
    name,
    file === null ? undefined : manifest[file as keyof Manifest],
  ]);
  const hasVariables = manifest.variables !== undefined || Object.keys(variables).length > 0;
  const wanted: FunctionChange = {
    ...Object.fromEntries(settings),
    vfsId: volumeId,
    scopedRoleIds: roles && [...roles],
    tenant,
    variables: hasVariables ? { ...manifest.variables ?? fn?.variables, ...variables } : undefined,
  };
  const differing = (Object.keys(wanted) as (keyof typeof wanted & keyof RemoteFunction)[])
    .filter((field) => wanted[field] !== undefined && !isSame(field, wanted[field], fn?.[field]));
  return Object.fromEntries(differing.map((field) => [field, wanted[field]]));
}

/** Whether a value of `invoked.json` is the value on the server, which answers ids for names of roles. */
function isSame(name: string, wanted: unknown, now: unknown): boolean {
  if (name !== "scopedRoleIds") return isDeepStrictEqual(wanted, now);
  const idsOf = (roles: unknown) => (roles as readonly string[] | undefined)?.map(roleIdOf);
  return isDeepStrictEqual(idsOf(wanted), idsOf(now));
}
