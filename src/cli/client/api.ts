import { Buffer } from "node:buffer";
import { z } from "zod";
import { ApiError, needsAddition, unlessUnknown } from "./api_error.ts";
import type { FunctionSettingsJson, Setting } from "../../resources/functions.ts";
import { LONG_TIMEOUT_MS, readBody, request } from "./http.ts";
import { Commit, Diagnostics, LoadReport, TypeCheck } from "./commit_schemas.ts";
import {
  type FunctionName,
  Invocation,
  mapOf,
  ReadInvocation,
  RemoteFunction,
  TestResult,
} from "./schemas.ts";
import { listOf, maybe } from "./fields.ts";
import { hasStatus, statusFilter } from "./failures.ts";
import { PAGE_SIZE, pageOf, SessionClient } from "./session.ts";
import { AlertApi } from "./alerts.ts";
import { AuditApi } from "./audit.ts";
import { ClientApi } from "./clients.ts";
import { FederationApi } from "./federation.ts";
import { PrincipalApi } from "./principals.ts";
import { PublishApi } from "./publishes.ts";
import { PurgeApi } from "./purges.ts";
import { SigningKeyApi } from "./signing_keys.ts";
import { ReplayApi } from "./replays.ts";
import { RoleApi } from "./roles.ts";
import { TenantApi } from "./tenants.ts";
import { TriggerApi } from "./triggers.ts";
import { uploadUrl } from "./upload_url.ts";
import { UsageApi } from "./usage.ts";
import { UserApi } from "./users.ts";
import { VolumeApi } from "./volumes.ts";
import { oneLine } from "../terminal/failure.ts";

/** Contents of files by path. */
export type Files = ReadonlyMap<string, Uint8Array>;

const SEARCH = "POST /api/v1/search/functions";
const FUNCTIONS = "/api/v1/functions";
const FUNCTION = `${FUNCTIONS}/{function_id}` as const;
const INVOCATIONS = `${FUNCTION}/invocations` as const;

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

export interface CommitContents {
  readonly commit: Commit;
  readonly files: Files;
  /** Undefined if the server does not check types. */
  readonly typeCheck: TypeCheck | undefined;
  /** What its build warned of. */
  readonly warnings: Diagnostics;
  /** Undefined if the server has none, and requested none. */
  readonly loadReport: LoadReport | undefined;
}

export interface InvokeRequest {
  readonly commitId?: string | undefined;
  readonly input: string;
  readonly volumeId?: string | undefined;
  readonly async?: boolean | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Earliest start of an asynchronous invocation, RFC 3339. */
  readonly at?: string | undefined;
}

export interface InvocationFilter {
  /** In lower case; `error` finds all failed invocations, `success` all other ended invocations. */
  readonly status?: string | undefined;
  /** Inclusive. */
  readonly since?: string | undefined;
  /** Exclusive. */
  readonly until?: string | undefined;
  readonly query?: string | undefined;
  /** Start of their ids. */
  readonly idPrefix?: string | undefined;
  /** Idempotency key of an invocation by this principal. */
  readonly idempotencyKey?: string | undefined;
}

/** Values of one run of tests. */
export interface RunValues {
  readonly secrets: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, string>>;
}

/** Empty values are omitted, because a server without these additions to C1's API rejects them. */
function isGiven([, values]: [string, object]): boolean {
  return Object.keys(values).length > 0;
}

/** A client of C1's Functions API: one method for each operation that the command line needs. */
export class Api extends SessionClient implements Disposable {
  readonly audit = new AuditApi(this.session);
  readonly clients = new ClientApi(this.session);
  readonly principals = new PrincipalApi(this.session);
  readonly roles = new RoleApi(this.session);
  readonly users = new UserApi(this.session);
  readonly usage = new UsageApi(this.session);
  readonly signingKeys = new SigningKeyApi(this.session);
  readonly alerts = new AlertApi(this.session);
  readonly federation = new FederationApi(this.session);
  readonly tenants = new TenantApi(this.session);
  readonly triggers = new TriggerApi(this.session);
  readonly volumes = new VolumeApi(this.session);
  readonly publishes = new PublishApi(this.session);
  readonly purges = new PurgeApi(this.session);
  readonly replays = new ReplayApi(this.session);

  /** Without a trailing slash. */
  get url(): string {
    return this.session.url;
  }

  [Symbol.dispose](): void {
    this.session[Symbol.dispose]();
  }

  /** Ends the pause of a restored server. An addition to C1's API. */
  async resume(): Promise<{ readonly resumed: boolean }> {
    const schema = z.object({ resumed: z.boolean() });
    const what = "Failed to resume the server";
    return await this.session.call(what, "POST /api/v1/resume", schema, { body: {} });
  }

  async search(query: string, limit: number): Promise<RemoteFunction[]> {
    const schema = pageOf(RemoteFunction);
    return await this.session.all(limit, (pageToken) => {
      const body = { query, pageSize: PAGE_SIZE, pageToken };
      return this.session.call("Failed to list functions", SEARCH, schema, { body });
    });
  }

  async functionById(id: string): Promise<RemoteFunction | undefined> {
    const what = `Failed to read function ${id}`;
    const schema = z.object({ function: RemoteFunction });
    const answer = this.session.call(what, `GET ${FUNCTIONS}/{id}`, schema, { path: { id } });
    return (await unlessUnknown(answer))?.function;
  }

  /** The names of functions for messages; the id of a function that the caller does not see. */
  async functionNames(ids: readonly string[]): Promise<string[]> {
    return await Promise.all(ids.map(async (id) => {
      const fn = await this.functionById(id).catch(() => undefined);
      return fn === undefined ? id : oneLine(fn.displayName);
    }));
  }

  async createFunction(displayName: string, description: string): Promise<RemoteFunction> {
    const body = { displayName, description, functionType: "FUNCTION_TYPE_ANY" } as const;
    const what = `Failed to create function ${displayName}`;
    return (await this.session.call(what, `POST ${FUNCTIONS}`, FunctionResponse, { body }))
      .function;
  }

  async updateFunction(fn: RemoteFunction, change: FunctionChange): Promise<RemoteFunction> {
    const updateMask = Object.keys(change).join(",");
    const body = { function: { id: fn.id, ...change }, updateMask };
    const what = `Failed to change function ${fn.displayName}`;
    return (await this.session.call(what, `POST ${FUNCTIONS}/update`, FunctionResponse, { body }))
      .function;
  }

  /** Creates a new head commit in one request. */
  async commitContents(fn: RemoteFunction, files: Files, message: string): Promise<Commit> {
    const content = Object.fromEntries(
      Array.from(files, ([path, bytes]) => [path, Buffer.from(bytes).toString("base64")]),
    );
    const body = { function: { id: fn.id }, content, commitMessage: message };
    const what = `${fn.displayName} was not built`;
    const schema = z.object({ commit: Commit });
    const sent = { body, timeoutMs: LONG_TIMEOUT_MS };
    return (await this.session.call(what, `POST ${FUNCTIONS}/update`, schema, sent)).commit;
  }

  /** Checks the values of an update, or of a new function without `fn`. An addition to C1's API. */
  async checkSettings(
    name: string,
    fn: RemoteFunction | undefined,
    change: FunctionChange,
  ): Promise<void> {
    const updateMask = Object.keys(change).join(",");
    const body = { function: { ...fn === undefined ? {} : { id: fn.id }, ...change }, updateMask };
    const what = `Failed to deploy ${name}`;
    await this.session.call(what, `POST ${FUNCTIONS}/check`, Nothing, { body });
  }

  async deleteFunction({ id, displayName }: RemoteFunction): Promise<void> {
    const what = `Failed to delete function ${displayName}`;
    const sent = { path: { id }, body: {} };
    await this.session.call(what, `DELETE ${FUNCTIONS}/{id}`, Nothing, sent);
  }

  /** Newest first. @param idPrefix start of their ids; servers without this addition to C1's API list all */
  async commits(fn: RemoteFunction, limit: number, idPrefix = ""): Promise<Commit[]> {
    const what = `Failed to list the commits of ${fn.displayName}`;
    const query = { id_prefix: idPrefix || undefined };
    return await this.session.list(what, `GET ${FUNCTION}/commits`, Commit, limit, {
      ...of(fn),
      query,
    });
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
    return await this.session.call(
      `Failed to read commit ${reference} of ${fn.displayName}`,
      `GET ${FUNCTION}/commits/{id}`,
      z.object({
        commit: Commit,
        files: mapOf(bytes),
        typeCheck: maybe(TypeCheck),
        warnings: Diagnostics,
        loadReport: maybe(LoadReport),
      }),
      {
        path: { function_id: fn.id, id: reference.split("/") },
        query: { show_purged: showPurged ? "true" : undefined },
      },
    );
  }

  /** Declares the files of a new commit; returns the upload URL of each. */
  async openCommit(fn: RemoteFunction, filenames: readonly string[], commitMessage: string) {
    const what = `Failed to open a commit of ${fn.displayName}`;
    const schema = z.object({ commitId: z.string(), uploadUrls: mapOf(z.string()) });
    const sent = { ...of(fn), body: { filenames: [...filenames], commitMessage } };
    return await this.session.call(what, `POST ${FUNCTION}/commits`, schema, sent);
  }

  /** Uploads send no bearer token: the URL itself is the authorization. C1's URLs are of another host. */
  async upload(path: string, url: string, content: Uint8Array): Promise<void> {
    const response = await request(this.session.transport, uploadUrl(this.url, path, url), {
      method: "PUT",
      headers: { "content-type": "application/octet-stream" },
      body: content,
      timeoutMs: LONG_TIMEOUT_MS,
    });
    const body = await readBody(this.session.transport, response);
    if (!response.ok) {
      throw ApiError.from(this.session.names, `Failed to upload ${path}`, response, body);
    }
  }

  /** Builds an open commit and makes it the head. */
  async finalize(fn: RemoteFunction, commitId: string): Promise<Commit> {
    const what = `${fn.displayName} was not built`;
    const operation = `POST ${FUNCTION}/commits/{commit_id}/finalize` as const;
    const path = { function_id: fn.id, commit_id: commitId };
    const sent = { path, body: {}, timeoutMs: LONG_TIMEOUT_MS };
    return (await this.session.call(what, operation, z.object({ commit: Commit }), sent)).commit;
  }

  async tags(fn: RemoteFunction): Promise<Map<string, Commit>> {
    const what = `Failed to list the tags of ${fn.displayName}`;
    const schema = z.object({ tags: mapOf(Commit) });
    return (await this.session.call(what, `GET ${FUNCTION}/tags`, schema, of(fn))).tags;
  }

  async createTag(fn: RemoteFunction, name: string, commitId: string): Promise<void> {
    const sent = { ...of(fn), body: { commitId, name } };
    await this.session.call(`Failed to create tag ${name}`, `POST ${FUNCTION}/tags`, Nothing, sent);
  }

  /** An addition to C1's API. */
  async deleteTag(fn: RemoteFunction, name: string): Promise<void> {
    const what = `Failed to delete tag ${name}`;
    const sent = { path: { function_id: fn.id, name }, body: {} };
    const response = this.session.call(what, `DELETE ${FUNCTION}/tags/{name}`, Nothing, sent);
    await needsAddition("the deletion of tags", response);
  }

  async invoke(fn: RemoteFunction, invocation: InvokeRequest) {
    const { commitId, input, volumeId, async, idempotencyKey, at } = invocation;
    const what = `Failed to invoke ${fn.displayName}`;
    const schema = z.object({ invocationId: z.string(), json: z.string().nullish() });
    return await this.session.call(what, `POST ${FUNCTION}/invoke`, schema, {
      ...of(fn),
      body: { json: Buffer.from(input).toString("base64"), commitId, vfsId: volumeId },
      timeoutMs: LONG_TIMEOUT_MS,
      header: {
        Prefer: async ? "respond-async" : undefined,
        "Invoke-At": at,
        "Idempotency-Key": idempotencyKey,
      },
    });
  }

  /** @param secrets of this run alone, an addition to C1's API */
  async test(
    fn: RemoteFunction,
    commitId: string,
    values: RunValues,
  ): Promise<TestResult[]> {
    const what = `Failed to test ${fn.displayName}`;
    const body = { commitId, ...Object.fromEntries(Object.entries(values).filter(isGiven)) };
    const sent = { ...of(fn), body, timeoutMs: LONG_TIMEOUT_MS };
    const schema = z.object({ results: listOf(TestResult) });
    return (await this.session.call(what, `POST ${FUNCTION}/test`, schema, sent)).results;
  }

  async invocation(fn: RemoteFunction, id: string): Promise<Invocation> {
    const what = `Failed to read invocation ${id} of ${fn.displayName}`;
    const schema = z.object({ invocation: ReadInvocation });
    const sent = { path: { function_id: fn.id, id } };
    return (await this.session.call(what, `GET ${INVOCATIONS}/{id}`, schema, sent)).invocation;
  }

  /** Kills an invocation, unless it has ended, and waits for its end. An addition to C1's API. */
  async cancel({ functionId, id }: Pick<Invocation, "functionId" | "id">): Promise<Invocation> {
    const what = `Failed to cancel invocation ${id}`;
    const sent = { path: { function_id: functionId, id }, body: {} };
    const schema = z.object({ invocation: ReadInvocation });
    const response = this.session.call(what, `POST ${INVOCATIONS}/{id}/cancel`, schema, sent);
    return (await needsAddition("cancelling", response)).invocation;
  }

  /** Newest first. Without a filter it is C1's own list; filters are an addition to C1's API. */
  async invocations(
    fn: FunctionName,
    filter: InvocationFilter,
    limit: number,
  ): Promise<Invocation[]> {
    const what = `Failed to list the invocations of ${fn.displayName}`;
    const hasFilter = Object.values(filter).some((value) => value !== undefined);
    if (!hasFilter) {
      return await this.session.list(what, `GET ${INVOCATIONS}`, Invocation, limit, of(fn));
    }
    const { status, ...others } = filter;
    const schema = pageOf(Invocation);
    return await this.session.all(limit, async (pageToken) => {
      const page = { pageSize: Math.min(limit, PAGE_SIZE), pageToken };
      const sent = { ...of(fn), body: { ...statusFilter(status), ...others, ...page } };
      const found = await this.session.call(what, `POST ${INVOCATIONS}/search`, schema, sent);
      return { ...found, list: found.list.filter((each) => hasStatus(each, status)) };
    });
  }
}

/**
 * The secrets of a function in the form of an update that keeps their values: an empty value keeps the stored value.
 */
export function keptSecrets(fn: RemoteFunction): Record<string, string> {
  return Object.fromEntries(fn.secret.map((name) => [name, ""]));
}

/** The path parameters of a function. */
function of({ id }: Pick<RemoteFunction, "id">) {
  return { path: { function_id: id } };
}
