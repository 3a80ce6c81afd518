import type { z } from "@hono/zod-openapi";
import { VIOLATION_OPTIONS, violationOf } from "../config/mod.ts";
import { DomainError, type FieldViolation, invalid, VIOLATIONS_MAX } from "../domain/errors.ts";
import { type Principal, requirePermission } from "../domain/identity/mod.ts";
import {
  type AnyInput,
  isOfRoles,
  type Operation,
  type Reply,
  type SessionCookie,
} from "./operation.ts";
import type { Services } from "./services.ts";

/**
 * A request to an operation before it is validated. The transport sets `principal`; the caller provides the other
 * fields.
 */
export interface OperationRequest {
  /** Undefined for a request without a credential. */
  readonly principal: Principal | undefined;
  /** Of a request of the console; undefined for other requests. */
  readonly sessionCookie: SessionCookie | undefined;
  readonly checkCredential: () => Promise<unknown>;
  /** The names of fields in `params`, `query` and the JSON of the body are in camelCase or in snake_case. */
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  /** Gives the JSON value of the body, or the `RawBody` of an operation that takes bytes. Called after the caller is authorized. */
  readonly readBody: () => Promise<unknown>;
  readonly signal: AbortSignal;
  readonly remoteAddress: string | undefined;
}

/**
 * Calls an operation: authorizes the caller, validates the request, runs the handler. Every transport calls
 * operations here and nowhere else.
 * @throws TOKEN_MISSING, ROLE_MISSING, INVALID_FIELD, and what the handler throws
 */
export async function callOperation(
  operation: Operation,
  request: OperationRequest,
  services: Services,
): Promise<Reply> {
  authorize(operation, request.principal);
  // No variable holds the body: an operation may run for minutes.
  const input = new ValidatedRequest(operation, request, await request.readBody());
  return operation.handle(input, services);
}

/** The input of a handler. A class, because V8 makes and keeps a hidden class for each object literal that has a getter. */
class ValidatedRequest implements AnyInput {
  readonly #request: OperationRequest;
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  readonly body: unknown;
  readonly principal: Principal | undefined;

  /** @throws INVALID_FIELD, BODY_NOT_JSON */
  constructor(operation: Operation, request: OperationRequest, sent: unknown) {
    this.#request = request;
    const { params, query } = request;
    const messages = operation.reader.read({ params, query, body: sent });
    if (messages.violations.length > 0) throw invalidFields(messages.violations);
    this.params = parse(operation.params, messages.params);
    this.query = parse(operation.query, messages.query);
    this.headers = parse(operation.headers, request.headers);
    this.body = operation.kind === "json" ? parse(operation.body, messages.body) : messages.body;
    this.principal = request.principal;
  }

  get sessionCookie(): SessionCookie | undefined {
    return this.#request.sessionCookie;
  }

  get checkCredential(): () => Promise<unknown> {
    return this.#request.checkCredential;
  }

  /** Read by few handlers, and costly to make. */
  get signal(): AbortSignal {
    return this.#request.signal;
  }

  /** As costly as {@link signal}. */
  get remoteAddress(): string | undefined {
    return this.#request.remoteAddress;
  }
}

/** @throws TOKEN_MISSING, ROLE_MISSING */
function authorize(
  { permission, operationId }: Operation,
  principal: Principal | undefined,
): void {
  if (!isOfRoles(permission)) return;
  if (principal === undefined) {
    throw new DomainError("TOKEN_MISSING", `${operationId} needs an access token`);
  }
  requirePermission(principal, permission, operationId);
}

/** @throws INVALID_FIELD */
function parse(schema: z.ZodObject | undefined, value: unknown): unknown {
  if (schema === undefined) return {};
  const parsed = schema.safeParse(value, VIOLATION_OPTIONS);
  if (parsed.success) return parsed.data;
  throw invalidFields(parsed.error.issues.map((issue) => ({
    path: issue.path,
    description: violationOf(issue),
  })));
}

/** Names the first found: a list of a request may have a violation in every entry. */
function invalidFields(
  found: readonly { readonly path: readonly PropertyKey[]; readonly description: string }[],
): DomainError {
  const violations = found.slice(0, VIOLATIONS_MAX).map(({ path, description }) => ({
    field: path.length === 0 ? "body" : fieldPath(path),
    description,
  }));
  return invalid(...violations as [FieldViolation, ...FieldViolation[]]);
}

/** `["list", 0, "a"]` -> `list[0].a` */
function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === "number"
        ? `${text}[${key}]`
        : text === ""
        ? String(key)
        : `${text}.${String(key)}`,
    "",
  );
}
