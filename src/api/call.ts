import type { z } from "@hono/zod-openapi";
import { VIOLATION_OPTIONS, violationOf } from "../config/mod.ts";
import type { RequestScope } from "../domain/audit/scope.ts";
import { DomainError, type FieldViolation, invalid, VIOLATIONS_MAX } from "../domain/errors.ts";
import { type FunctionScope, type Principal, requirePermission } from "../domain/identity/mod.ts";
import { ALL_FUNCTIONS } from "../domain/references.ts";
import type { BrowserRequest, SessionCookie } from "./cookies.ts";
import { type AnyInput, type Operation, Reply } from "./operation.ts";
import { auditedRequest, recordDenial } from "./audited_request.ts";
import type { Services } from "./services.ts";

/** After a body that takes longer, the credential of its request is checked again. */
const SLOW_BODY_MS = 1000;

/**
 * A request to an operation before it is validated. The transport sets `principal`; the caller provides the other
 * fields.
 */
export interface OperationRequest {
  /** Undefined for a request without a credential. */
  readonly principal: Principal | undefined;
  /** Of a request of the console; undefined for other requests. */
  readonly sessionCookie: SessionCookie | undefined;
  /** Of a browser that signs in with the provider; undefined for other requests. */
  readonly browser: BrowserRequest | undefined;
  /** Checks the credential again; undefined without one. */
  readonly checkCredential: () => Promise<Principal | undefined>;
  /** The names of fields in `params`, `query` and the JSON of the body are in camelCase or in snake_case. */
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: unknown;
  /** Gives the JSON value of the body, or the `RawBody` of an operation that takes bytes. Called after the caller is authorized. */
  readonly readBody: () => Promise<unknown>;
  readonly signal: () => AbortSignal;
  readonly remoteAddress: string | undefined;
  readonly onInvocation: ((invocationId: string) => void) | undefined;
  /** The `Request-Id`, on the lines of the log; undefined for a host call. */
  readonly requestId: string | undefined;
  readonly userAgent: string | undefined;
}

/**
 * Calls an operation: authorizes the caller, validates the request, runs the handler, and has what it changes audited.
 * Every transport calls operations here and nowhere else.
 * @throws TOKEN_MISSING, ROLE_MISSING, INVALID_FIELD, and what the handler throws
 */
export async function callOperation(
  operation: Operation,
  request: OperationRequest,
  services: Services,
): Promise<Reply> {
  try {
    const functions = assertAllowed(operation, request.principal);
    const handle = (scope?: RequestScope) =>
      handled(operation, request, { services, functions, scope });
    const { audited } = operation;
    const answer = audited === undefined
      ? await handle()
      : await services.audit.within(auditedRequest(operation, request, audited), handle);
    return answer instanceof Reply ? answer : Reply.json(answer ?? {});
  } catch (error) {
    await recordDenial(operation, request, error, services);
    throw error;
  }
}

/** Validates the request and runs the handler. */
async function handled(
  operation: Operation,
  request: OperationRequest,
  { services, functions, scope }: {
    readonly services: Services;
    readonly functions: FunctionScope;
    readonly scope: RequestScope | undefined;
  },
): Promise<unknown> {
  // No variable holds the body: an operation may run for minutes.
  return await operation.handle(
    noted(await received(operation, request, functions), scope),
    services,
  );
}

/**
 * The input, once the body is there. Rights may end while a body comes slowly, so after one that took long the request
 * has the rights of its principal as they are then.
 * @throws as `callOperation`, and what a check of the credential throws
 */
async function received(
  operation: Operation,
  request: OperationRequest,
  functions: FunctionScope,
): Promise<AnyInput> {
  const begunMs = performance.now();
  const sent = await request.readBody();
  if (request.principal === undefined || performance.now() - begunMs < SLOW_BODY_MS) {
    return validated(operation, request, functions, sent);
  }
  const principal = await request.checkCredential();
  const now = assertAllowed(operation, principal);
  return validated(operation, { ...request, principal }, now, sent);
}

/** The input. A request that only asks what would happen is not audited. */
function noted(input: AnyInput, scope: RequestScope | undefined): AnyInput {
  const { body } = input;
  if (typeof body === "object" && body !== null && "dryRun" in body && body.dryRun === true) {
    scope?.ignore();
  }
  return input;
}

/**
 * The functions for which the caller has the permission of the operation; all if the operation needs none.
 * @throws TOKEN_MISSING, ROLE_MISSING
 */
function assertAllowed(
  { requires: group, operationId, concerns }: Operation,
  principal: Principal | undefined,
): FunctionScope {
  if (group === undefined) return "all";
  if (principal === undefined) {
    throw new DomainError("TOKEN_MISSING", `${operationId} needs an access token`);
  }
  // Whether the roles count for the function of the request shows once the request is read.
  const isDecidedLater = concerns !== undefined && principal.access.mayAny(operationId);
  if (!isDecidedLater) requirePermission(principal, { operationId, group });
  return principal.access.functions(operationId);
}

/**
 * @param functionId the function of the request; undefined for a request that concerns no single function
 * @throws ROLE_MISSING for a caller whose roles do not count for the function
 */
function assertConcerned(
  { requires: group, operationId }: Operation,
  principal: Principal | undefined,
  functionId: string | undefined,
): void {
  if (group === undefined || principal === undefined || functionId === ALL_FUNCTIONS) return;
  requirePermission(principal, { operationId, group }, functionId);
}

/** The input of a handler. @throws INVALID_FIELD, BODY_NOT_JSON, ROLE_MISSING */
function validated(
  operation: Operation,
  request: OperationRequest,
  functions: FunctionScope,
  sent: unknown,
): AnyInput {
  const { principal, sessionCookie, browser, checkCredential, signal } = request;
  const { params, query, body, violations } = operation.reader.read({
    params: request.params,
    query: request.query,
    body: sent,
  });
  if (violations.length > 0) throw invalidFields(violations);
  const concerned = {
    params: parse(operation.params, params),
    body: operation.kind === "json" ? parse(operation.body, body) : body,
  };
  const functionId = operation.concerns?.(concerned);
  assertConcerned(operation, principal, functionId);
  return {
    ...concerned,
    query: parse(operation.query, query),
    headers: parse(operation.headers, request.headers),
    principal,
    functions,
    sessionCookie,
    browser,
    checkAgain: async () => {
      const now = await checkCredential();
      assertAllowed(operation, now);
      assertConcerned(operation, now, functionId);
      return now;
    },
    signal,
    remoteAddress: request.remoteAddress,
    onInvocation: request.onInvocation,
  };
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
