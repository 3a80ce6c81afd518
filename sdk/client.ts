/** The client of the API and of C1 tenants for functions. Its calls are host calls; it has no token. */
import { untilAborted } from "./abort.ts";
import type { Sdk } from "./api.ts";
import { extended, invalidField, sdkError, unimplemented } from "./api_error.ts";
import { OPERATIONS } from "./api_operations.ts";
import type { OperationSpec } from "./operation_spec.ts";
import { callHost, HostError } from "./host.ts";
import { lossless, type Replacer } from "./lossless.ts";
import type { RequestOptions } from "./request_options.ts";

type Fields = Readonly<Record<string, unknown>>;
type Method = (request?: unknown, options?: RequestOptions) => Promise<unknown>;

/** Fields of messages of this server that are times. */
const TIMES = [
  "createdAt",
  "updatedAt",
  "deletedAt",
  "publishedAt",
  "purgedAt",
  "finishedAt",
  "notBefore",
  "startedAt",
  "endedAt",
  "expiresAt",
  "lastUsedAt",
  "lastSignInAt",
  "newestAt",
  "time",
  "start",
];
/** Members that `await` and JSON look up in every object; they must be absent. */
const PROBES = ["then", "toJSON"];

/** An answer of the server or of a tenant. */
interface HostAnswer {
  readonly statusCode: number;
  readonly contentType: string;
  /** The field of the result that is the message. */
  readonly key: string;
  readonly value: unknown;
  /** Paths of times in the message; `*` is each member. */
  readonly dates: readonly string[];
  readonly isPaged: boolean;
}

/**
 * A method of this server. As all methods before {@link asInSdk}, it throws errors of host calls.
 * @param label such as `sdk.functions.get`
 */
function ownMethod(label: string, spec: OperationSpec): Method {
  const { id, response: key, dated, isPaged = false } = spec;
  const objects = dated?.split(" ") ?? [];
  const dates = objects.flatMap((path) => TIMES.map((time) => `${path}.${time}`));
  const call: Method = async (request, options) => {
    const fields = request ?? {};
    if (typeof fields !== "object") {
      throw invalidField(label, "request", `is ${typeof fields}, not an object`);
    }
    const message = messagesOf(spec, fields as Fields);
    const ofBody = typeof spec.body === "string" ? spec.body : "";
    const replacer = checking(label, message, { params: "", query: "", body: ofBody });
    const { value } = await callHost(id, message, undefined, replacer);
    const answer = { statusCode: 200, contentType: JSON_TYPE, key, value, dates, isPaged };
    const result = resultOf(answer, JSON.stringify(value), nextPage(call, request, options));
    rename(value as Record<string, unknown>, spec.renamed ?? {});
    return result;
  };
  return call;
}

/** A method of the tenant, if the tenant has it. */
function tenantMethod(namespace: string, method: string): Method {
  const call: Method = async (request, options) => {
    const params = { namespace, method, request };
    const replacer = checking(`sdk.${namespace}.${method}`, params, { request: "" });
    const { value, bytes } = await callHost("sdk.call", params, undefined, replacer);
    const sent = value as HostAnswer;
    // The message, if it is the text of the tenant as it came.
    const message = "value" in sent ? sent.value : JSON.parse(new TextDecoder().decode(bytes));
    return resultOf({ ...sent, value: message }, bytes, nextPage(call, request, options));
  };
  return call;
}

/** Rejects requests that JSON cannot hold. @param paths as {@link lossless} takes them */
function checking(
  label: string,
  message: object,
  paths: Readonly<Record<string, string>>,
): Replacer {
  return lossless(message, paths, (field, description) => {
    throw invalidField(label, field, description);
  });
}

/** A method that throws as C1's SDK does, and that its caller can leave. */
function asInSdk(call: Method): Method {
  return async (request, options) => {
    try {
      // The first argument of a method without a request is its options; no request has fields with their names.
      const waiting = (options ?? request ?? {}) as RequestOptions;
      return await untilAborted(() => call(request, options), waiting);
    } catch (error) {
      throw error instanceof HostError ? sdkError(error) : error;
    }
  };
}

type NextPage = (pageToken: string) => Promise<Page>;

/** Repeats a call of a method for its next page. */
function nextPage(call: Method, request: unknown, options: RequestOptions | undefined): NextPage {
  const method = asInSdk(call);
  return (pageToken) => method({ ...request as Fields, pageToken }, options) as Promise<Page>;
}

const JSON_TYPE = "application/json";

/**
 * The result of C1's SDK.
 * @param raw the JSON as it was answered
 */
function resultOf(
  answer: HostAnswer,
  raw: string | Uint8Array<ArrayBuffer>,
  requestPage: NextPage,
): object {
  const { contentType, statusCode, key, value, dates, isPaged } = answer;
  for (const path of dates) revive(value, path.split("."));
  const result = {
    contentType,
    statusCode,
    get rawResponse() {
      return new Response(raw, { status: statusCode, headers: { "content-type": contentType } });
    },
    [key]: value,
  };
  if (!isPaged) return result;
  const { nextPageToken: pageToken } = value as Fields;
  const isLast = typeof pageToken !== "string" || pageToken.trim() === "";
  return paged(result, isLast ? () => null : () => requestPage(pageToken));
}

interface Page {
  next(): Promise<Page> | null;
}

function paged(result: object, next: Page["next"]): Page {
  const page: Page = Object.assign(result, {
    next,
    async *[Symbol.asyncIterator]() {
      for (let at: Page | null = page; at !== null; at = await at.next()) yield at;
    },
  });
  return page;
}

/** Turns the times at a path into dates; other text is the author's. */
function revive(value: unknown, [name = "", ...rest]: readonly string[]): void {
  if (typeof value !== "object" || value === null) return;
  const members = value as Record<string, unknown>;
  const names = name === "*" ? Object.keys(members) : Object.hasOwn(members, name) ? [name] : [];
  for (const each of names) {
    const member = members[each];
    if (rest.length > 0) revive(member, rest);
    else if (typeof member === "string") members[each] = new Date(member);
  }
}

/**
 * The messages of a request. Fields of neither path nor body are parameters of the query, also unknown ones: the server
 * knows both spellings of a name, and rejects unknown names where an operation destroys.
 */
function messagesOf({ path = [], body }: OperationSpec, fields: Fields) {
  if (body === true) return { params: {}, query: {}, body: fields };
  const ofPath = new Set(path.flatMap((name) => [name, snakeCase(name)]));
  const parameters = Object.entries(fields).filter(([name]) => name !== body)
    .map(([name, value]) => [name, parameterOf(value)] as const);
  return {
    params: Object.fromEntries(parameters.filter(([name]) => ofPath.has(name))),
    query: Object.fromEntries(parameters.filter(([name]) => !ofPath.has(name))),
    body: body === undefined ? {} : fields[body],
  };
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Parameters of paths and queries have flags and lists as text, and null means that they are absent. */
function parameterOf(value: unknown): unknown {
  return typeof value === "boolean" || Array.isArray(value) ? `${value}` : value ?? undefined;
}

/** Adds the fields of a message under the names of C1's SDK. */
function rename(message: Record<string, unknown>, renamed: Readonly<Record<string, string>>): void {
  for (const [field, name] of Object.entries(renamed)) {
    if (field in message) message[name] = message[field];
  }
}

/** An object whose missing members come from `missing`, except {@link PROBES}. */
function guarded<Target extends object>(target: Target, missing: (key: string) => unknown): Target {
  return new Proxy(target, {
    get: (target, key, receiver) =>
      typeof key === "symbol" || key in target || PROBES.includes(key)
        ? Reflect.get(target, key, receiver)
        : missing(key),
  });
}

/** A method that does not exist: as all methods do, it rejects its promise. */
function failing(message: string): Method {
  return () => Promise.reject(unimplemented(message));
}

function namespace(name: string, specs: Readonly<Record<string, OperationSpec>>): object {
  const methods = Object.entries(specs).map(([key, spec]): [string, Method] => {
    const own = ownMethod(`sdk.${name}.${key}`, spec);
    const method = spec.isOfTenant === true ? preferring(tenantMethod(name, key), own) : own;
    return [key, asInSdk(method)];
  });
  const isOfTenant = Object.values(specs).some((spec) => spec.isOfTenant === true);
  return guarded(
    Object.freeze(Object.fromEntries(methods)),
    (key) =>
      isOfTenant ? asInSdk(tenantMethod(name, key)) : failing(
        `Unknown method sdk.${name}.${key}: this server does not have it; sdk.${name} has ${
          Object.keys(specs).join(", ")
        }`,
      ),
  );
}

/** The method of the tenant, or this server's for a function without one, which no answer of a tenant can pretend. */
function preferring(ofTenant: Method, own: Method): Method {
  return async (request, options) => {
    try {
      return await ofTenant(request, options);
    } catch (error) {
      if (!(error instanceof HostError && error.code === "TENANT_NOT_SET")) throw error;
    }
    try {
      return await own(request, options);
    } catch (error) {
      // The author may have meant the users of a tenant.
      throw error instanceof HostError ? extended(error, SET_TENANT) : error;
    }
  };
}

const SET_TENANT = "; to call a C1 tenant, set tenant of the function";

export function createSdk(): Sdk {
  const namespaces = Object.entries(OPERATIONS).map(([name, specs]) =>
    [name, namespace(name, specs)] as const
  );
  const sdk = Object.fromEntries(namespaces) as unknown as Sdk;
  // The server knows the namespaces of tenants.
  return guarded(
    Object.freeze(sdk),
    (name) => guarded({}, (key) => asInSdk(tenantMethod(name, key))),
  );
}
