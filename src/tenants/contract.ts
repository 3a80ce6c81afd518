/**
 * The port to a C1 tenant: what `sdk` asks for leaves the server through a {@link TenantTransport}, to a real tenant, to the
 * example tenant, or to a recording.
 */

/** What a function may do at a tenant. `READ` includes searches and audits, which C1 reads by POST. */
export type TenantAccess = "READ" | "WRITE";

/** The name of an operation in the SDK. */
export interface OperationName {
  /** For example `appEntitlements`. */
  readonly namespace: string;
  /** For example `list`. */
  readonly method: string;
}

/** The operation as a function calls it, such as `sdk.apps.list`. */
export function operationLabel({ namespace, method }: OperationName): string {
  return `sdk.${namespace}.${method}`;
}

/** One request, without a token. */
export interface TenantRequest {
  readonly operation: OperationName;
  readonly access: TenantAccess;
  readonly verb: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query, encoded, such as `/api/v1/users?page_size=10`. */
  readonly path: string;
  /** Text of a JSON value; undefined for a request without a body. */
  readonly body: string | undefined;
}

/** One answer, whatever its status. Header names are in lower case. */
export interface TenantAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What `body` is the text of, if somebody has parsed it already. */
  readonly json?: unknown;
}

/** How a request is sent. */
export interface SendOptions {
  /** When nobody waits for it any more at the latest, on the clock of `performance.now()`: no repetition begins later. */
  readonly endsAtMs?: number | undefined;
  /** The same object for all calls of one attempt of an invocation, or of one run of tests. */
  readonly attempt?: object | undefined;
  /** Who shares the connections fairly with others: the id of a function. Undefined for the server itself. */
  readonly caller?: string | undefined;
  /** Gets the memory that a large answer has taken. Without it, the transport gives the memory back at once. */
  readonly held?: DisposableStack | undefined;
}

/** The answer of an operation in the form of the SDK: what the host call `sdk.call` returns. */
export interface SdkAnswer {
  readonly statusCode: number;
  readonly contentType: string;
  /** The field of the SDK's result that holds the message, such as `listAppsResponse`. */
  readonly key: string;
  /** The message, with the SDK's names. */
  readonly value: unknown;
  /** Paths of times in `value`, such as `list.*.createdAt`; `*` matches each item of a list and each value of a map. */
  readonly dates: readonly string[];
  /** Whether the SDK's result is also an iterable of pages. */
  readonly isPaged: boolean;
}

/** Sends requests to one tenant. */
export interface TenantTransport {
  /**
   * @param signal aborts when nobody waits for the answer any more
   * @throws {TenantError} if no answer came, or none that the rules allow
   */
  send(request: TenantRequest, signal: AbortSignal, options?: SendOptions): Promise<TenantAnswer>;
}

/** Credentials of a client of a tenant, opened. */
export interface TenantCredentials {
  /** Host of the tenant, with a port unless it is 443. */
  readonly host: string;
  readonly clientId: string;
  /** C1's form: `secret-token:conductorone.com:v1:` and the private key. Never leaves the server. */
  readonly clientSecret: string;
}

/** Why a tenant gave no answer; docs/errors.md lists the codes. */
export type TenantErrorCode =
  /** Tests and local servers do not call the tenant of the function, and have no recording of its answers. */
  | "TENANT_NOT_CALLED"
  /** The `tenant` of the function does not allow the operation. */
  | "TENANT_OPERATION_DENIED"
  /** The tenant or its credential was removed. */
  | "TENANT_REMOVED"
  /** No connection, or it broke before an answer. */
  | "TENANT_UNREACHABLE"
  /** No whole answer within the time. */
  | "TENANT_TIMEOUT"
  /** The tenant does not accept the credential any more. */
  | "TENANT_CREDENTIAL_REJECTED"
  /** A redirect, which nobody follows. */
  | "TENANT_REDIRECTED"
  /** HTML or another type, a content encoding, or text that is no JSON. */
  | "TENANT_NOT_JSON"
  /** JSON of another form than C1's. */
  | "TENANT_SCHEMA_CHANGED"
  /** An error instead of a token, or of whom the client belongs to. */
  | "TENANT_BAD_ANSWER"
  | "TENANT_ANSWER_TOO_LARGE"
  /** The invocation has made as many calls as it may. */
  | "TENANT_TOO_MANY_CALLS"
  /** The tenant asks to wait longer than the invocation may. */
  | "TENANT_RATE_LIMITED"
  /** The recording has no such request. */
  | "TENANT_NOT_RECORDED";

/** Ends the message about an answer that nobody can read. */
export function doubtAbout(access: TenantAccess): string {
  return access === "WRITE" ? "; the tenant may have performed the request" : "";
}

/** A failed request to a tenant. The message names the operation, such as `sdk.apps.list`. */
export class TenantError extends Error {
  override name = "TenantError";
  constructor(
    readonly code: TenantErrorCode,
    message: string,
    /** The tenant's wish, in seconds. */
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
  }
}

/** An argument that a method of the SDK does not take; over HTTP it is `INVALID_FIELD`. */
export class InvalidArgument extends Error {
  override name = "InvalidArgument";
  constructor(
    operation: OperationName,
    /** Such as `searchUsersRequest.refs[0].id`. */
    readonly field: string,
    /** Such as `is missing`. */
    readonly description: string,
  ) {
    super(`sdk.${operation.namespace}.${operation.method}: ${field} ${description}`);
  }
}
