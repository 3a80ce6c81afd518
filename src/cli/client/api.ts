import { Buffer } from "node:buffer";
import { z } from "zod";
import { ApiError, needsAddition } from "./api_error.ts";
import type { FunctionSettingsJson, Setting } from "../../resources/functions.ts";
import { LONG_TIMEOUT_MS, readBody, readResponse, request } from "./http.ts";
import {
  Commit,
  Diagnostics,
  Invocation,
  mapOf,
  pageOf,
  Purge,
  PurgeSize,
  RemoteFunction,
  TestResult,
  TypeCheck,
} from "./schemas.ts";
import { hasStatus, statusFilter } from "./failures.ts";
import { PAGE_SIZE, pageQuery, type Session } from "./session.ts";
import { ClientApi } from "./clients.ts";
import { PublishApi } from "./publishes.ts";
import { ReplayApi } from "./replays.ts";
import { TriggerApi } from "./triggers.ts";
import { VolumeApi } from "./volumes.ts";

/** Contents of files by path. */
export type Files = ReadonlyMap<string, Uint8Array>;

const Nothing = z.unknown();
const FunctionResponse = z.object({ function: RemoteFunction, commit: Commit.nullish() });
const bytes = z.string().transform((text) => new Uint8Array(Buffer.from(text, "base64")));

type SettingChange = { readonly [Name in Setting]?: FunctionSettingsJson[Name] | undefined };
/** The fields of a function that an update sets. */
export interface FunctionChange extends SettingChange {
  readonly publishedCommitId?: string;
  /** The new set of names; an empty value keeps what is stored. */
  readonly secret?: Readonly<Record<string, string>>;
}

interface CommitContents {
  readonly commit: Commit;
  readonly files: Files;
  /** Undefined if the server does not check types. */
  readonly typeCheck: TypeCheck | undefined;
  /** What its build warned of. */
  readonly warnings: Diagnostics;
}

export interface InvokeRequest {
  readonly commitId?: string | undefined;
  readonly input: string;
  readonly volumeId?: string | undefined;
  readonly async?: boolean | undefined;
  readonly idempotencyKey?: string | undefined;
  /** When it may start, RFC 3339; of an asynchronous call. */
  readonly at?: string | undefined;
}

/** Invocations that ended before a time, or files of commits. */
export interface PurgeSelection {
  readonly before?: string;
  readonly commitId?: string;
  readonly path?: string;
}

export interface InvocationFilter {
  /** In lower case; `error` finds all that failed, `success` all others that have ended. */
  readonly status?: string | undefined;
  /** Inclusive. */
  readonly since?: string | undefined;
  /** Exclusive. */
  readonly until?: string | undefined;
  readonly query?: string | undefined;
  /** Start of their ids. */
  readonly idPrefix?: string | undefined;
  /** Of a call of this principal. */
  readonly idempotencyKey?: string | undefined;
}

/** A function, or {@link ALL_FUNCTIONS}. */
type FunctionName = Pick<RemoteFunction, "id" | "displayName">;

/** The invocations of all functions. */
export const ALL_FUNCTIONS: FunctionName = { id: "-", displayName: "all functions" };

/** Values of one run of tests. */
export interface RunValues {
  readonly secrets: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, string>>;
}

/** A server without these additions to C1's API must not get an empty one. */
function isGiven([, values]: [string, object]): boolean {
  return Object.keys(values).length > 0;
}

/** A client of C1's Functions API: one method for each operation that the command line needs. */
export class Api implements Disposable {
  readonly clients: ClientApi;
  readonly triggers: TriggerApi;
  readonly volumes: VolumeApi;
  readonly publishes: PublishApi;
  readonly replays: ReplayApi;

  constructor(readonly session: Session) {
    this.clients = new ClientApi(session);
    this.triggers = new TriggerApi(session);
    this.volumes = new VolumeApi(session);
    this.publishes = new PublishApi(session);
    this.replays = new ReplayApi(session);
  }

  /** Without a trailing slash. */
  get url(): string {
    return this.session.url;
  }

  [Symbol.dispose](): void {
    this.session[Symbol.dispose]();
  }

  async search(query: string, limit: number): Promise<RemoteFunction[]> {
    return await this.session.all(
      limit,
      (pageToken) =>
        this.session.post(
          "Cannot list functions",
          "/api/v1/search/functions",
          pageOf(RemoteFunction),
          {
            query,
            pageSize: PAGE_SIZE,
            pageToken,
          },
        ),
    );
  }

  async functionById(id: string): Promise<RemoteFunction | undefined> {
    try {
      const path = `/api/v1/functions/${encodeURIComponent(id)}`;
      const schema = z.object({ function: RemoteFunction });
      return (await this.session.get(`Cannot read function ${id}`, path, schema)).function;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async createFunction(displayName: string, description: string): Promise<RemoteFunction> {
    const body = { displayName, description, functionType: "FUNCTION_TYPE_ANY" };
    const what = `Cannot create function ${displayName}`;
    return (await this.session.post(what, "/api/v1/functions", FunctionResponse, body)).function;
  }

  async updateFunction(fn: RemoteFunction, change: FunctionChange): Promise<RemoteFunction> {
    const updateMask = Object.keys(change).join(",");
    const body = { function: { id: fn.id, ...change }, updateMask };
    const what = `Cannot change function ${fn.displayName}`;
    return (await this.session.post(what, "/api/v1/functions/update", FunctionResponse, body))
      .function;
  }

  /** Creates a new head commit in one request. */
  async commitContents(fn: RemoteFunction, files: Files, message: string): Promise<Commit> {
    const content = Object.fromEntries(
      Array.from(files, ([path, bytes]) => [path, Buffer.from(bytes).toString("base64")]),
    );
    const body = { function: { id: fn.id }, content, commitMessage: message };
    const { commit } = await this.session.post(
      `Cannot build ${fn.displayName}`,
      "/api/v1/functions/update",
      z.object({ commit: Commit }),
      body,
      LONG_TIMEOUT_MS,
    );
    return commit;
  }

  async deleteFunction(fn: RemoteFunction): Promise<void> {
    const what = `Cannot delete function ${fn.displayName}`;
    await this.session.call(what, "DELETE", functionPath(fn), Nothing, {});
  }

  /** Newest first. @param idPrefix start of their ids; servers without this addition to C1's API list all */
  async commits(fn: RemoteFunction, limit: number, idPrefix = ""): Promise<Commit[]> {
    const start = idPrefix === "" ? "" : `&id_prefix=${encodeURIComponent(idPrefix)}`;
    return await this.session.all(limit, (pageToken) =>
      this.session.get(
        `Cannot list the commits of ${fn.displayName}`,
        `${functionPath(fn)}/commits?${pageQuery(limit, pageToken)}${start}`,
        pageOf(Commit),
      ));
  }

  /** Purges for good, or answers the size alone; undefined is all functions. An addition to C1's API. */
  async purge(
    fn: RemoteFunction | undefined,
    selection: PurgeSelection & { readonly dryRun?: boolean },
  ): Promise<PurgeSize> {
    const name = fn === undefined ? "invocations of all functions" : fn.displayName;
    const path = `${fn === undefined ? "/api/v1/functions/-" : functionPath(fn)}/purge`;
    return await this.session.post(
      `Cannot purge ${name}`,
      path,
      PurgeSize,
      selection,
      LONG_TIMEOUT_MS,
    );
  }

  /** Purges, newest first. An addition to C1's API. */
  async purges(fn: RemoteFunction, limit: number): Promise<Purge[]> {
    return await this.session.all(limit, (pageToken) =>
      this.session.get(
        `Cannot list the purges of ${fn.displayName}`,
        `${functionPath(fn)}/purges?${pageQuery(limit, pageToken)}`,
        pageOf(Purge),
      ));
  }

  /**
   * A commit and its files, by id, `HEAD` or `refs/tags/<name>`.
   * @param showPurged reads what is left of a commit of which files were purged; otherwise it is PURGED
   */
  async commit(
    fn: RemoteFunction,
    reference: string,
    { showPurged = false } = {},
  ): Promise<CommitContents> {
    return await this.session.get(
      `Cannot read commit ${reference} of ${fn.displayName}`,
      `${functionPath(fn)}/commits/${reference.split("/").map(encodeURIComponent).join("/")}${
        showPurged ? "?show_purged=true" : ""
      }`,
      z.object({
        commit: Commit,
        files: mapOf(bytes),
        typeCheck: TypeCheck.nullish().transform((value) => value ?? undefined),
        warnings: Diagnostics,
      }),
    );
  }

  /** Declares the files of a new commit; returns the upload URL of each. */
  async openCommit(fn: RemoteFunction, filenames: readonly string[], commitMessage: string) {
    return await this.session.post(
      `Cannot open a commit of ${fn.displayName}`,
      `${functionPath(fn)}/commits`,
      z.object({ commitId: z.string(), uploadUrls: mapOf(z.string()) }),
      { filenames, commitMessage },
    );
  }

  /** Uploads send no bearer token: the URL itself is the authorization. */
  async upload(path: string, url: string, content: Uint8Array): Promise<void> {
    const response = await request(this.session.transport, url, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream" },
      body: content,
      timeoutMs: LONG_TIMEOUT_MS,
    });
    const body = await readBody(this.session.transport, response);
    if (!response.ok) {
      throw ApiError.from(this.session.names, `Cannot upload ${path}`, response, body);
    }
  }

  /** Builds an open commit and makes it the head. */
  async finalize(fn: RemoteFunction, commitId: string): Promise<Commit> {
    const path = `${functionPath(fn)}/commits/${commitId}/finalize`;
    const schema = z.object({ commit: Commit });
    const what = `Cannot build ${fn.displayName}`;
    return (await this.session.post(what, path, schema, {}, LONG_TIMEOUT_MS)).commit;
  }

  async tags(fn: RemoteFunction): Promise<Map<string, Commit>> {
    const { tags } = await this.session.get(
      `Cannot list the tags of ${fn.displayName}`,
      `${functionPath(fn)}/tags`,
      z.object({ tags: mapOf(Commit) }),
    );
    return tags;
  }

  async createTag(fn: RemoteFunction, name: string, commitId: string): Promise<void> {
    const what = `Cannot create tag ${name}`;
    await this.session.post(what, `${functionPath(fn)}/tags`, Nothing, { commitId, name });
  }

  /** An addition to C1's API. */
  async deleteTag(fn: RemoteFunction, name: string): Promise<void> {
    const path = `${functionPath(fn)}/tags/${encodeURIComponent(name)}`;
    const response = this.session.call(`Cannot delete tag ${name}`, "DELETE", path, Nothing, {});
    await needsAddition("the deletion of tags", response);
  }

  async invoke(fn: RemoteFunction, call: InvokeRequest) {
    const { commitId, input, volumeId, async, idempotencyKey, at } = call;
    const path = `${functionPath(fn)}/invoke`;
    const response = await this.session.send("POST", path, {
      body: { json: Buffer.from(input).toString("base64"), commitId, vfsId: volumeId },
      timeoutMs: LONG_TIMEOUT_MS,
      headers: {
        ...async ? { prefer: "respond-async" } : {},
        ...at === undefined ? {} : { "invoke-at": at },
        ...idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
      },
    });
    return await readResponse(
      this.session.transport,
      `Cannot invoke ${fn.displayName}`,
      response,
      z.object({ invocationId: z.string(), json: z.string().nullish() }),
    );
  }

  /** @param secrets of this run alone, an addition to C1's API */
  async test(
    fn: RemoteFunction,
    commitId: string,
    values: RunValues,
  ): Promise<TestResult[]> {
    const { results } = await this.session.post(
      `Cannot test ${fn.displayName}`,
      `${functionPath(fn)}/test`,
      z.object({ results: z.array(TestResult).nullish().transform((value) => value ?? []) }),
      { commitId, ...Object.fromEntries(Object.entries(values).filter(isGiven)) },
      LONG_TIMEOUT_MS,
    );
    return results;
  }

  async invocation(fn: RemoteFunction, id: string): Promise<Invocation> {
    return (await this.session.get(
      `Cannot read invocation ${id} of ${fn.displayName}`,
      `${functionPath(fn)}/invocations/${encodeURIComponent(id)}`,
      z.object({ invocation: Invocation }),
    )).invocation;
  }

  /** Kills an invocation, unless it has ended, and waits for its end. An addition to C1's API. */
  async cancel({ functionId, id }: Pick<Invocation, "functionId" | "id">): Promise<Invocation> {
    const path = `${functionPath({ id: functionId })}/invocations/${encodeURIComponent(id)}/cancel`;
    const schema = z.object({ invocation: Invocation });
    const response = this.session.post(`Cannot cancel invocation ${id}`, path, schema, {});
    return (await needsAddition("cancelling", response)).invocation;
  }

  /** Newest first. Without a filter it is C1's own list; filters are an addition to C1's API. */
  async invocations(
    fn: FunctionName,
    filter: InvocationFilter,
    limit: number,
  ): Promise<Invocation[]> {
    const what = `Cannot list the invocations of ${fn.displayName}`;
    const path = `${functionPath(fn)}/invocations`;
    const { status, ...others } = filter;
    const hasFilter = Object.values(filter).some((value) => value !== undefined);
    return await this.session.all(limit, async (pageToken) => {
      if (!hasFilter) {
        const query = pageQuery(limit, pageToken);
        return await this.session.get(what, `${path}?${query}`, pageOf(Invocation));
      }
      const page = { pageSize: Math.min(limit, PAGE_SIZE), pageToken };
      const search = { ...statusFilter(status), ...others, ...page };
      const found = await this.session.post(what, `${path}/search`, pageOf(Invocation), search);
      return { ...found, list: found.list.filter((each) => hasStatus(each, status)) };
    });
  }
}

/** The path of a function in the API. */
export function functionPath({ id }: Pick<RemoteFunction, "id">): string {
  return `/api/v1/functions/${encodeURIComponent(id)}`;
}
