import { DomainError } from "../domain/errors.ts";
import type { HostMethod } from "../domain/invocations/host_methods.ts";
import type { InvocationContext } from "../engine/contract.ts";
import { type HostCall, HostCallError } from "../sandbox/contract.ts";
import { callOperation, type OperationRequest } from "./call.ts";
import type { JsonOperation, Operation } from "./operation.ts";
import type { Services } from "./services.ts";
import { asDomainError, statusAnswer } from "./status.ts";

/** Whether functions may call the operation: it takes and answers JSON, needs a permission, and is not for clients alone. */
export function isHostOperation(operation: Operation): operation is JsonOperation {
  return operation.kind === "json" && operation.requires !== undefined && !operation.ofClient;
}

/**
 * The operations as host calls, by their ids, with the authorization, validation, limits and errors of HTTP. The
 * caller is the function whose invocation makes the call, whatever the call holds. `details` of an error
 * holds the status and the body of the HTTP answer.
 */
export function hostMethods(
  operations: readonly Operation[],
  services: Services,
): ReadonlyMap<string, HostMethod> {
  const methods = new Map(
    operations.filter(isHostOperation)
      .map((operation) => [operation.operationId, hostMethod(operation, services)] as const),
  );
  for (const [former, id] of Object.entries(FORMER_IDS)) {
    const method = methods.get(id);
    if (method !== undefined) methods.set(former, method);
  }
  return methods;
}

/** Operations by the ids that an earlier SDK calls: commits were built with it. */
const FORMER_IDS: Readonly<Record<string, string>> = {
  "c1.api.functions.v1.FunctionsService.Commit":
    "c1.api.functions.v1.FunctionsService.CreateInitialCommit",
  "c1.api.functions.v1.FunctionsService.FinalizeCommit":
    "c1.api.functions.v1.FunctionsService.CreateFinalCommit",
  "c1.api.functions.v1.FunctionsService.GetCommit":
    "c1.api.functions.v1.FunctionsService.GetCommitContent",
  "c1.api.functions.v1.FunctionsService.GetLockfile":
    "c1.api.functions.v1.FunctionsService.GetLockFile",
};

function hostMethod(operation: JsonOperation, services: Services): HostMethod {
  const answer = async ({ params, signal }: HostCall, invocation: InvocationContext) => {
    try {
      const principal = await services.functionPrincipals.of(invocation, signal);
      services.apiRateLimit(principal);
      const request = {
        ...sentRequest(params),
        headers: {},
        principal,
        sessionCookie: undefined,
        browser: undefined,
        checkCredential: () => services.functionPrincipals.of(invocation, signal),
        signal: () => signal,
        remoteAddress: undefined,
        onInvocation: undefined,
        requestId: undefined,
        userAgent: undefined,
      };
      // What takes long, such as a build, continues after the invocation has ended; its answer is dropped.
      return { value: await untilAbort(jsonOf(operation, request, services), signal) };
    } catch (error) {
      throw hostCallError(asDomainError(error));
    }
  };
  // A request of its own: it sees what was acknowledged since the request that started the invocation.
  return (call, invocation) => services.reading(() => answer(call, invocation));
}

async function jsonOf(
  operation: JsonOperation,
  request: OperationRequest,
  services: Services,
): Promise<unknown> {
  const { body } = await callOperation(operation, request, services);
  if (body.kind === "json") return body.value;
  throw new TypeError(
    `Operation ${operation.operationId} is not available to host calls: it answers ${body.kind}`,
  );
}

/** The request as the SDK sends it; validation rejects whatever else a function sends. */
function sentRequest(sent: unknown): Pick<OperationRequest, "params" | "query" | "readBody"> {
  const { params, query, body } = (sent ?? {}) as Record<string, unknown>;
  return { params, query, readBody: () => Promise.resolve(body) };
}

/** @throws INTERNAL once the signal aborts; its caller has ended by then */
export async function untilAbort<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () =>
    reject(new DomainError("INTERNAL", "Host call not answered: its invocation has ended"));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The error of a host call for an error of an operation. */
export function hostCallError(error: DomainError, code: string = error.code): HostCallError {
  const { status, body } = statusAnswer(error);
  return new HostCallError(code, error.message, {
    status,
    body,
    ...error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds },
  });
}
