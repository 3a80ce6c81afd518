import { relative, resolve } from "node:path";
import { shownPath } from "../../builder/source_tree.ts";
import { FUNCTION_SETTINGS } from "../../resources/functions.ts";
import { isBuiltinRole } from "../../resources/roles.ts";
import type { Api } from "../client/api.ts";
import type { Commit } from "../client/commit_schemas.ts";
import type { RemoteFunction, Volume } from "../client/schemas.ts";
import { changesBetween } from "../folder/changes.ts";
import { settingsChange } from "../folder/deployment.ts";
import { noteSkipped, readFunctionFolder } from "../folder/files.ts";
import { type Manifest, needLocalManifest } from "../folder/manifest.ts";
import type { FilesAbove } from "./watch.ts";
import { endpointUrls, exportsFetch, localTriggers } from "./endpoint.ts";
import { LocalTriggers } from "./local_triggers.ts";
import { note } from "../terminal/output.ts";

/** The function of a folder on a local server; {@link sync} makes it equal to the folder. */
export class SyncedFunction {
  #fn: RemoteFunction;
  #files: ReadonlyMap<string, Uint8Array> = new Map();
  #commit: Commit | undefined;
  /** The volumes that the manifest has named so far, by name. */
  readonly #volumes = new Map<string, Volume>();
  #filesAbove: FilesAbove = { paths: [], readAt: 0 };
  #endpoints: readonly string[] = [];
  #hasNotedRoles = false;

  private constructor(
    readonly api: Api,
    readonly folder: string,
    /** Variables besides the variables of the manifest. */
    private readonly variables: Readonly<Record<string, string>>,
    private readonly triggers: LocalTriggers | undefined,
    /** The tenant of the local server; undefined without one. */
    private readonly tenantId: string | undefined,
    /** The path of the recording from the folder; undefined without one. */
    private readonly recording: string | undefined,
    fn: RemoteFunction,
  ) {
    this.#fn = fn;
  }

  /** Creates the function on the server. */
  static async open(
    api: Api,
    folder: string,
    { secrets = {}, variables = {}, dataDir, tenantId, record }: {
      readonly secrets?: Readonly<Record<string, string>> | undefined;
      readonly variables?: Readonly<Record<string, string>> | undefined;
      /** Of the server, which gets the triggers of the folder; undefined for a server without them. */
      readonly dataDir?: string | undefined;
      /** The tenant of the server that the function calls as the tenant of its manifest. */
      readonly tenantId?: string | undefined;
      /** Where runs record the tenant: what changes there alone is no change of the function. */
      readonly record?: string | undefined;
    } = {},
  ): Promise<SyncedFunction> {
    const { name, description = "" } = await needLocalManifest(folder);
    const fn = await api.createFunction(name, description);
    const triggers = dataDir === undefined ? undefined : new LocalTriggers(api, dataDir);
    const recording = record === undefined ? undefined : relative(folder, resolve(record));
    const synced = new SyncedFunction(
      api,
      folder,
      variables,
      triggers,
      tenantId,
      recording,
      fn,
    );
    if (Object.keys(secrets).length > 0) {
      synced.#fn = await api.updateFunction(fn, { secret: secrets });
    }
    return synced;
  }

  get fn(): RemoteFunction {
    return this.#fn;
  }

  /** The URLs that pass requests to the function, as of the last {@link sync}. */
  get endpoints(): readonly string[] {
    return this.#endpoints;
  }

  /** Whether the function answers requests beside invocations with JSON, as of the last {@link sync}. */
  get answersRequests(): boolean {
    return exportsFetch(this.#files);
  }

  /** The files above the folder that matter to the function, as of the last {@link sync}. */
  get filesAbove(): FilesAbove {
    return this.#filesAbove;
  }

  /**
   * Uploads the settings and files of the folder that changed.
   *
   * @returns the commit of these files, and whether settings or files changed
   * @throws {Failure} if the files do not build; the next call tries again
   */
  async sync(): Promise<{ readonly commit: Commit; readonly changed: boolean }> {
    const manifest = await needLocalManifest(this.folder);
    const volume = await this.#volumeOf(manifest.volume);
    for (const { volume: name } of Object.values(manifest.triggers ?? {})) {
      await this.#volumeOf(name);
    }
    const roles = this.#localRoles(manifest.roles);
    const volumeId = volume?.id ?? "";
    const tenant = localTenant(manifest.tenant, this.tenantId);
    const additions = { volumeId, roles, tenant, variables: this.variables };
    const change = settingsChange(manifest, additions, this.#fn);
    const settingsChanged = Object.keys(change).length > 0;
    if (Object.keys(change).length > 0) this.#fn = await this.api.updateFunction(this.#fn, change);
    await this.triggers?.sync(this.#fn, localTriggers(manifest));
    this.#endpoints = endpointUrls(this.api.url, manifest);
    const readAt = Date.now();
    const { files, skipped, watched, folderFromRoot } = await readFunctionFolder(this.folder);
    this.#filesAbove = { paths: watched, readAt };
    const changes = changesBetween(this.#files, files)
      .filter(({ path }) => !this.#isRecorded(shownPath(path, folderFromRoot)));
    if (this.#commit !== undefined && changes.length === 0) {
      return { commit: this.#commit, changed: settingsChanged };
    }
    this.#commit = undefined;
    try {
      this.#commit = await this.api.commitContents(this.#fn, files, "");
    } catch (error) {
      // Code that does not build may import a skipped file.
      noteSkipped(skipped);
      throw error;
    }
    this.#files = files;
    return { commit: this.#commit, changed: true };
  }

  #isRecorded(path: string): boolean {
    return this.recording !== undefined && path.startsWith(`${this.recording}/`);
  }

  /** The roles that a local server has: built-in roles. */
  #localRoles(roles: readonly string[] | undefined): readonly string[] | undefined {
    const others = roles?.filter((role) => !isBuiltinRole(role)) ?? [];
    if (others.length > 0 && !this.#hasNotedRoles) {
      this.#hasNotedRoles = true;
      note(`The function runs without custom roles, which only a server has: ${others.join(", ")}`);
    }
    return roles?.filter(isBuiltinRole);
  }

  /** Creates a volume that the manifest names; it is empty at first. */
  async #volumeOf(name: string | undefined): Promise<Volume | undefined> {
    if (name === undefined) return undefined;
    const volume = this.#volumes.get(name) ?? await this.api.volumes.create(name);
    this.#volumes.set(name, volume);
    return volume;
  }

  /** Publishes the commit, which invocations without a commit then run. */
  async publish({ id }: Commit): Promise<void> {
    if (this.#fn.publishedCommitId === id) return;
    this.#fn = await this.api.updateFunction(this.#fn, { publishedCommitId: id });
  }
}

/** The setting for the tenant of the local server, which has one credential. Undefined to leave the function without one. */
function localTenant(
  tenant: Manifest["tenant"],
  id: string | undefined,
): Manifest["tenant"] {
  if (id === undefined) return undefined;
  if (tenant === undefined) return {};
  const { credentialId: _, ...others } = tenant;
  return { access: FUNCTION_SETTINGS.tenant.fields.access.unset.inForce, ...others, id };
}
