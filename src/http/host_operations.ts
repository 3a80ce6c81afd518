import { DomainError } from "../domain/errors.ts";
import type { Domain } from "../domain/mod.ts";
import type { HostMethod } from "../domain/invocations/host_methods.ts";
import { HostCallError } from "../sandbox/contract.ts";
import { normalizeJson } from "./body.ts";
import type { Operation, OperationRequest } from "./endpoint.ts";
import { asDomainError, statusAnswer } from "./errors.ts";
import type { ApiRateLimit } from "./rate_limit.ts";

/**
 * The operations of the API as what functions can ask, by their ids: without HTTP, and with the validation, rights,
 * limits and errors that HTTP has. The caller is the function whose invocation asks; nothing that it sends says who
 * it is. `details` of an error holds the status and the body that HTTP would answer.
 */
export function hostOperations(
  operations: ReadonlyMap<string, Operation>,
  { functionPrincipals }: Domain,
  countRequest: ApiRateLimit,
): ReadonlyMap<string, HostMethod> {
  const hostMethod = (operation: Operation): HostMethod => async (call, invocation) => {
    try {
      const by = await functionPrincipals.of(invocation, call.signal);
      countRequest(by);
      // What takes long, such as a build, goes on where its caller ends, but nobody waits for it.
      return {
        value: await untilAbort(operation(requestOf(call.params), by, call.signal), call.signal),
      };
    } catch (error) {
      throw hostCallError(asDomainError(error));
    }
  };
  return new Map(Array.from(operations, ([id, operation]) => [id, hostMethod(operation)]));
}

/** Params as the SDK sends them; whatever else a function sends is refused by the operation's own validation. */
function requestOf(sent: unknown): OperationRequest {
  const { params, query, body } = normalizeJson(sent) as Partial<OperationRequest>;
  return { params: params ?? {}, query: query ?? {}, body: body ?? {} };
}

/** @throws INTERNAL once the signal aborts, which nobody hears any more */
async function untilAbort<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(new DomainError("INTERNAL", "The invocation that asked has ended"));
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function hostCallError(error: DomainError): HostCallError {
  const { status, body } = statusAnswer(error);
  return new HostCallError(error.code, error.message, {
    status,
    body,
    ...error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds },
  });
}
