/** What an operation of the API is, and what its handler answers. */
import { z } from "@hono/zod-openapi";
import type { Activity } from "../domain/audit/ocsf.ts";
import type { AuditMode } from "../domain/audit/scope.ts";
import {
  type FunctionScope,
  PERMISSION_GROUPS,
  type PermissionGroup,
  type Principal,
} from "../domain/identity/mod.ts";
import { ALL_FUNCTIONS } from "../domain/references.ts";
import { RequestReader } from "./messages/request.ts";
import type { BrowserRequest, ReplyHeaders, SessionCookie } from "./cookies.ts";
import type { Services } from "./services.ts";
import type { FunctionAnswer } from "../domain/triggers/deliveries.ts";
import type { DomainError } from "../domain/errors.ts";
import { empty } from "./primitives.ts";
import { type Method, type Params, paramsOf, type Route, type Slashes } from "./route.ts";

/**
 * What an operation needs of its caller: the permission of the operation, which is in a group of permissions, no credential
 * (`public`), a path that the server signed (`signed-url`), a request that its sender signed (`signed-request`), a
 * request of a page of the console, which the transport checks, with or without a session (`console`), or a browser that
 * signs in with the provider (`browser`). The handler checks the last four.
 */
export type OperationPermission =
  | PermissionGroup
  | "public"
  | "signed-url"
  | "signed-request"
  | "console"
  | "browser";

/**
 * How a call concerns functions, for callers whose roles count for named functions only: by the id of its one function, or
 * by {@link ALL_FUNCTIONS} if the handler answers what {@link Input.functions} has and no more. Undefined for a call that
 * concerns no single function: it needs a role for all functions.
 */
type Concerns<I> = (request: I) => string | undefined;

/** The group of the permission that a caller must have; undefined if the handler or the transport checks the caller. */
function groupOf(permission: OperationPermission): PermissionGroup | undefined {
  return PERMISSION_GROUPS.find((group) => group === permission);
}

/** The function in the path of an operation. Whoever names all functions there needs a role for all of them. */
function functionInPath(path: string): Concerns<{ readonly params: unknown }> | undefined {
  const name = path.includes("{function_id}")
    ? "function_id"
    : path.startsWith("/api/v1/functions/{id}")
    ? "id"
    : undefined;
  if (name === undefined) return undefined;
  return ({ params }) => {
    const id = (params as Readonly<Record<string, string>>)[name];
    return id === ALL_FUNCTIONS ? undefined : id;
  };
}

/** The services of these names: what a handler, or a part of the transport, uses. */
export type Uses<Name extends keyof Services> = Pick<Services, Name>;

type Schema = z.ZodObject;
type Optional = Schema | undefined;
type Parsed<S extends Optional> = S extends Schema ? z.output<S> : Record<string, never>;

/** A validated request. `Body` is the parsed JSON, or the {@link RawBody} of an operation that takes bytes. */
export interface Input<
  T extends Route,
  Q extends Optional,
  H extends Optional,
  Body,
  A extends OperationPermission,
> {
  readonly params: Params<T>;
  readonly query: Parsed<Q>;
  /** Values of the declared headers; all absent in a host call. */
  readonly headers: Parsed<H>;
  readonly body: Body;
  readonly principal: A extends PermissionGroup ? Principal : undefined;
  /** The functions for which the caller has the permission. */
  readonly functions: FunctionScope;
  readonly sessionCookie: A extends "console" ? SessionCookie : undefined;
  readonly browser: A extends "browser" ? BrowserRequest : undefined;
  /**
   * Checks the credential of the request and the rights of its principal again, for an answer that takes long. Throws as
   * for a new request, once the credential has ended or the rights are gone.
   */
  readonly checkAgain: () => Promise<A extends PermissionGroup ? Principal : undefined>;
  /** Aborts when the caller no longer waits for the answer. Few handlers call it, and it is costly to make. */
  readonly signal: () => AbortSignal;
  /** IP address of the client; undefined for a host call. */
  readonly remoteAddress: string | undefined;
  /** Learns the invocation that the request begins, for telemetry; undefined for a host call. */
  readonly onInvocation: ((invocationId: string) => void) | undefined;
}

/** The body of a request as bytes. */
export interface RawBody {
  /** Media type in lower case without parameters; undefined without a Content-Type. */
  readonly mediaType: string | undefined;
  readonly stream: ReadableStream<Uint8Array>;
  /** Every header of the request, by its name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The query of the request as its sender wrote it. */
  readonly query: URLSearchParams;
  /**
   * Reads the whole body.
   * @param limitName the setting that holds the limit, for the message
   * @throws BODY_TOO_LARGE
   */
  read(limitBytes: number, limitName: string): Promise<Uint8Array>;
}

/** Raw bytes in the OpenAPI document. */
export const BINARY = { type: "string", format: "binary" } as const;

/** Schemas by media type. */
export type Content = Readonly<Record<string, z.ZodType | typeof BINARY>>;

/** The documented answers of a raw operation by HTTP status, but for errors. */
export type Answers = Readonly<
  Record<number, { readonly description: string; readonly content?: Content }>
>;

/** What JSON and raw operations have in common. */
interface Contract<
  T extends Route,
  Q extends Optional,
  H extends Optional,
  A extends OperationPermission,
  B = unknown,
> {
  /** As C1 names it, `c1.api.functions.v1.FunctionsService.Invoke`; `invoked.…` for additions. */
  readonly operationId: string;
  readonly route: T;
  /** Path parameters whose values may have slashes. */
  readonly slashes?: Readonly<Record<string, Slashes>>;
  readonly summary: string;
  readonly permission: A;
  /** The function in its path by default. */
  readonly concerns?: Concerns<{ readonly params: Params<T>; readonly body: B }>;
  /** For clients, not for functions: it acts on the client of the request, or is for people who set up the server. */
  readonly ofClient?: true;
  /** A change that the token of an approved device (RFC 8628) may make, which otherwise only reads. */
  readonly ofDevice?: true;
  /**
   * It deletes, erases or cancels, or acts on all that a filter finds, so it rejects unknown fields and query
   * parameters: a misspelt `dryRun` must not be ignored. Every DELETE rejects them without this.
   */
  readonly destroys?: true;
  /**
   * What of it is on record; by default `changes`, unless it only reads. `call` is for changes of tables that are not
   * audited, `own` for a handler that records events by itself, and `none` for what has a history of its own.
   */
  readonly audit?: Exclude<AuditMode, "changes"> | "none";
  /** Keys are in snake_case, as C1 has them. */
  readonly query?: Q;
  /** Request headers that the handler reads. */
  readonly headers?: H;
}

interface JsonDefinition<
  T extends Route,
  Q extends Optional,
  H extends Optional,
  B extends Optional,
  A extends OperationPermission,
  R extends z.ZodType | undefined,
  S,
> extends Contract<T, Q, H, A, Parsed<B>> {
  /** By default, a DELETE takes an empty object, and other operations take no body. */
  readonly body?: B;
  /** An empty object by default. */
  readonly response?: R;
  /**
   * Answers the value of the response, or a {@link Reply} with headers or in another form. The type of its second parameter
   * names the services that it {@link Uses}; without one it gets none.
   */
  readonly handle: (
    input: Input<T, Q, H, Parsed<B>, A>,
    services: S,
  ) => Promise<R extends z.ZodType ? z.input<R> | Reply : void>;
}

interface RawDefinition<
  T extends Route,
  Q extends Optional,
  H extends Optional,
  A extends OperationPermission,
  C extends Content | undefined,
  S,
> extends Contract<T, Q, H, A> {
  /**
   * The request's body as bytes, which may be of no media type: then the handler reads only the headers and the query as
   * they were sent. Undefined for a body without fields.
   */
  readonly content?: C;
  readonly answers: Answers;
  /** As that of a JSON operation. */
  readonly handle: (
    input: Input<T, Q, H, C extends Content ? RawBody : Record<string, never>, A>,
    services: S,
  ) => Promise<Reply>;
}

/** A validated request whose types the definition of its operation knows. */
export type AnyInput = Readonly<
  Record<keyof Input<Route, Optional, Optional, unknown, "self">, unknown>
>;
/** Answers a {@link Reply}, or the value of one that is JSON. */
type AnyHandler = (input: AnyInput, services: Services) => Promise<unknown>;
interface AnyContract
  extends Omit<Contract<Route, Optional, Optional, OperationPermission>, "concerns" | "route"> {
  readonly method: Method;
  readonly path: string;
  /** Undefined for a path without parameters. */
  readonly params: z.ZodObject | undefined;
  /** The group of the permission that the caller must have; undefined if no role is needed. */
  readonly requires: PermissionGroup | undefined;
  readonly concerns: Concerns<{ readonly params: unknown; readonly body: unknown }> | undefined;
  /** Undefined if it is not audited. */
  readonly audited: AuditMode | undefined;
  /** What it does to its resource, in the words of OCSF. */
  readonly activity: Activity;
  /** Reads the names of fields in requests. */
  readonly reader: RequestReader;
}

/** An operation that takes and answers JSON: over HTTP, and as a host call if it needs a permission. */
export interface JsonOperation extends AnyContract {
  readonly kind: "json";
  readonly body?: Optional;
  readonly response: z.ZodType;
  readonly handle: AnyHandler;
}

/** An operation over HTTP alone, with raw bytes or a form in its request or its answers. */
export interface RawOperation extends AnyContract {
  readonly kind: "raw";
  readonly content?: Content | undefined;
  readonly answers: Answers;
  readonly handle: AnyHandler;
}

/** One entry of the API: contract, permission, handler. */
export type Operation = JsonOperation | RawOperation;

/** Defines an operation that takes and answers JSON. */
export function jsonOperation<
  A extends OperationPermission,
  T extends Route,
  R extends z.ZodType | undefined = undefined,
  Q extends Optional = undefined,
  H extends Optional = undefined,
  B extends Optional = undefined,
  S extends Partial<Services> = Record<never, never>,
>(definition: JsonDefinition<T, Q, H, B, A, R, S>): JsonOperation {
  const common = commonOf(definition);
  const isDelete = common.method === "delete";
  const { body = isDelete ? empty : undefined, response = empty, destroys = isDelete } = definition;
  return {
    ...definition,
    ...common,
    body,
    response,
    kind: "json",
    reader: new RequestReader({ ...definition, params: common.params }, destroys),
    handle: definition.handle as unknown as AnyHandler,
  };
}

/** Defines an operation with raw bytes or a form. */
export function rawOperation<
  A extends OperationPermission,
  T extends Route,
  Q extends Optional = undefined,
  H extends Optional = undefined,
  C extends Content | undefined = undefined,
  S extends Partial<Services> = Record<never, never>,
>(definition: RawDefinition<T, Q, H, A, C, S>): RawOperation {
  const common = commonOf(definition);
  const { query, content, destroys = common.method === "delete" } = definition;
  const body = content && "bytes";
  return {
    ...definition,
    ...common,
    kind: "raw",
    reader: new RequestReader({ params: common.params, query, body }, destroys),
    handle: definition.handle as unknown as AnyHandler,
  };
}

/** What follows from the definition of any operation. */
function commonOf(
  { route, operationId, permission, audit, concerns, slashes }:
    & Pick<AnyContract, "operationId" | "permission" | "audit" | "slashes">
    & { readonly route: string; readonly concerns?: unknown },
) {
  const [verb = "", path = ""] = route.split(" ");
  const method = verb.toLowerCase() as Method;
  const activity = activityOf(operationId, method, /:read$/.test(permission));
  // A GET that signs a browser in records it by itself.
  const isAudited = audit === "own" || (activity !== "read" && audit !== "none");
  return {
    method,
    path,
    params: paramsOf(path, slashes),
    requires: groupOf(permission),
    concerns: (concerns ?? functionInPath(path)) as AnyContract["concerns"],
    activity,
    audited: isAudited ? (audit ?? "changes") as AuditMode : undefined,
  };
}

/** Whether the body of a request is bytes, and not a message. */
export function takesBytes(operation: Operation): boolean {
  return operation.kind === "raw" && operation.content !== undefined;
}

/** By the method, and among those that POST by the verb of the id. */
function activityOf(operationId: string, method: string, isRead: boolean): Activity {
  if (method === "get" || isRead) return "read";
  const verb = operationId.slice(operationId.lastIndexOf(".") + 1);
  if (method === "delete" || /^(?:Bulk)?(?:Delete|Drop|Purge|Revoke)/.test(verb)) return "delete";
  return verb.startsWith("Create") ? "create" : "update";
}

/** HTTP statuses of replies that are not errors of the domain. */
type ReplyStatus = 200 | 201 | 204 | 206 | 303 | 304 | 429 | 503;

/** An event of a stream (https://html.spec.whatwg.org/#server-sent-events). */
export type ServerSentEvent =
  | { readonly event?: string; readonly data: string; readonly id?: string }
  | { readonly comment: string };

type ReplyBody =
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "empty" }
  | { readonly kind: "text"; readonly text: string }
  /** Sends a browser elsewhere, with values of `Set-Cookie`. */
  | { readonly kind: "redirect"; readonly url: string; readonly cookies: readonly string[] }
  /** What a function answers a stranger; its headers cannot act on the origin of the server. */
  | { readonly kind: "function"; readonly answer: FunctionAnswer }
  /** A transport that does not send the stream must cancel it. */
  | { readonly kind: "stream"; readonly stream: ReadableStream<Uint8Array> }
  /** A transport that stops sending must return the generator. */
  | { readonly kind: "events"; readonly events: AsyncGenerator<ServerSentEvent> }
  /** An error whose answer has headers of its own. */
  | { readonly kind: "error"; readonly error: DomainError };

/** What a handler answers, as data: the transport makes the response. */
export class Reply {
  constructor(
    readonly body: ReplyBody,
    readonly headers: ReplyHeaders = {},
    readonly status: ReplyStatus = 200,
  ) {}

  static json(value: unknown, headers?: ReplyHeaders, status?: ReplyStatus): Reply {
    return new Reply({ kind: "json", value }, headers, status);
  }

  static text(text: string): Reply {
    return new Reply({ kind: "text", text });
  }

  static empty(status: 201 | 204 | 304, headers?: ReplyHeaders): Reply {
    return new Reply({ kind: "empty" }, headers, status);
  }

  /** @param headers with cookies of {@link SessionCookie} */
  static redirect(url: string, ...headers: readonly ReplyHeaders[]): Reply {
    const cookies = headers.flatMap((each) => each["Set-Cookie"] ?? []);
    return new Reply({ kind: "redirect", url, cookies }, {}, 303);
  }

  static stream(
    stream: ReadableStream<Uint8Array>,
    headers: ReplyHeaders,
    status?: ReplyStatus,
  ): Reply {
    return new Reply({ kind: "stream", stream }, headers, status);
  }
}
