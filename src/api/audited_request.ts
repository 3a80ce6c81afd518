/** What the audit log records of a request to an operation. */
import type { AuditResource, AuditSource } from "../domain/audit/ocsf.ts";
import type { AuditedRequest, AuditMode } from "../domain/audit/scope.ts";
import { DomainError } from "../domain/errors.ts";
import type { Principal } from "../domain/identity/mod.ts";
import type { Operation, Uses } from "./operation.ts";

/** What is recorded of a request. */
interface AuditableRequest {
  readonly principal: Principal | undefined;
  readonly params: unknown;
  readonly remoteAddress: string | undefined;
  readonly requestId: string | undefined;
  readonly userAgent: string | undefined;
}

/** The request of an operation whose changes are audited. */
export function auditedRequest(
  operation: Operation,
  request: AuditableRequest,
  mode: AuditMode,
): AuditedRequest {
  const { operationId, activity } = operation;
  return {
    mode,
    operation: operationId,
    activity,
    actor: request.principal,
    resources: targetsOf(operation, request),
    source: sourceOf(operation, request),
  };
}

/** Records an error that denies a principal its call; others are not on record. */
export async function recordDenial(
  operation: Operation,
  request: AuditableRequest,
  error: unknown,
  { audit }: Uses<"audit">,
): Promise<void> {
  if (!(error instanceof DomainError) || error.code !== "PERMISSION_DENIED") return;
  if (request.principal === undefined) return;
  const { operationId, activity } = operation;
  await audit.record({
    kind: "call",
    operation: operationId,
    activity,
    actor: request.principal,
    resources: targetsOf(operation, request),
    rejected: { code: error.reason, detail: error.message },
  }, sourceOf(operation, request));
}

function sourceOf(
  { method }: Operation,
  { principal, remoteAddress: address, requestId, userAgent }: AuditableRequest,
): AuditSource {
  const invocation = principal?.invocation;
  if (invocation === undefined) {
    return { address, requestId, userAgent, method: method.toUpperCase() };
  }
  const { invocationId: id, functionId } = invocation;
  return { invocation: { id, functionId }, requestId: id };
}

/** The resources that the path names: `/functions/{function_id}/tags/{name}` names a function and a tag. */
function targetsOf({ path }: Operation, { params }: AuditableRequest): AuditResource[] {
  const values = (params ?? {}) as Readonly<Record<string, unknown>>;
  const segments = path.split("/");
  return segments.flatMap((segment, at) => {
    const id = values[/^\{(\w+)\}$/.exec(segment)?.[1] ?? ""];
    const collection = segments[at - 1] ?? "";
    return typeof id === "string" ? [{ type: collection.replace(/s$/, ""), id }] : [];
  });
}
