/** The client of the API for functions. Its calls are host calls; it has no token. */
import type { Sdk } from "./api.ts";
import { sdkError, unimplemented } from "./api_error.ts";
import { OPERATIONS } from "./api_operations.ts";
import type { OperationSpec } from "./operation_spec.ts";
import { callHost, HostError } from "./host.ts";

type Fields = Readonly<Record<string, unknown>>;
type Method = (request?: unknown) => Promise<unknown>;

/** Fields of messages that are times. */
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
  "newestAt",
  "time",
  "start",
];
/** Members that `await` and JSON look up in every object; they must be absent. */
const PROBES = ["then", "toJSON"];

async function call(spec: OperationSpec, request: unknown): Promise<unknown> {
  const { id, response } = spec;
  try {
    const { value } = await callHost(id, messagesOf(spec, (request ?? {}) as Fields));
    const text = JSON.stringify(value);
    revive(value as Fields, spec.dated ?? {});
    rename(value as Record<string, unknown>, spec.renamed ?? {});
    return {
      contentType: "application/json",
      statusCode: 200,
      get rawResponse() {
        return new Response(text, { headers: { "content-type": "application/json" } });
      },
      [response]: value,
    };
  } catch (error) {
    throw error instanceof HostError ? sdkError(error) : error;
  }
}

/**
 * The messages of a request. Fields of neither path nor body are parameters of the query, also unknown ones: the server
 * knows both spellings of a name, and rejects unknown names where an operation destroys.
 */
function messagesOf({ path = {}, body }: OperationSpec, fields: Fields): Record<string, unknown> {
  if (body === true) return { params: {}, query: {}, body: fields };
  const ofPath = new Set(Object.entries(path).flat());
  const parameters = Object.entries(fields).filter(([name]) => name !== body)
    .map(([name, value]) => [name, parameterOf(value)] as const);
  return {
    params: Object.fromEntries(parameters.filter(([name]) => ofPath.has(name))),
    query: Object.fromEntries(parameters.filter(([name]) => !ofPath.has(name))),
    body: body === undefined ? {} : fields[body],
  };
}

/** Parameters of paths and queries have flags and lists as text. */
function parameterOf(value: unknown): unknown {
  return typeof value === "boolean" || Array.isArray(value) ? `${value}` : value;
}

/** Turns the times of a message into dates, in the known fields alone: other text is the author's. */
function revive(message: Fields, dated: NonNullable<OperationSpec["dated"]>): void {
  for (const [field, where] of Object.entries(dated)) {
    const value = message[field] as object | undefined;
    if (value === undefined) continue;
    for (const dates of where === "each" ? Object.values(value) : [value]) {
      const record = dates as Record<string, unknown>;
      for (const time of TIMES) {
        const text = record[time];
        if (typeof text === "string") record[time] = new Date(text);
      }
    }
  }
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
function failing(...error: Parameters<typeof unimplemented>): Method {
  return () => Promise.reject(unimplemented(...error));
}

function namespace(name: string, specs: Readonly<Record<string, OperationSpec>>): object {
  const methods = Object.entries(specs).map((
    [method, spec],
  ): [string, Method] => [method, (request) => call(spec, request)]);
  return guarded(Object.freeze(Object.fromEntries(methods)), (method) =>
    failing(
      `Unknown method sdk.${name}.${method}: this server does not have it; sdk.${name} has ${
        Object.keys(specs).join(", ")
      }`,
    ));
}

export function createSdk(): Sdk {
  const namespaces = Object.entries(OPERATIONS).map(([name, specs]) =>
    [name, namespace(name, specs)] as const
  );
  const known = namespaces.map(([name]) => `sdk.${name}`).join(", ");
  const sdk = Object.fromEntries(namespaces) as Partial<Sdk> as Sdk;
  return guarded(
    Object.freeze(sdk),
    (name) =>
      guarded(
        {},
        (method) =>
          failing(
            `sdk.${name}.${method} needs a C1 tenant; this server has ${known}`,
            "NEEDS_C1_TENANT",
          ),
      ),
  );
}
