import { z } from "@hono/zod-openapi";
import { DomainError } from "../domain/errors.ts";
import type { HostMethod } from "../domain/invocations/host_methods.ts";
import { HostCallError, type HostReply } from "../sandbox/contract.ts";
import { embeddedObject } from "../shared/json_text.ts";
import type { SdkAnswer, TenantAnswer } from "../tenants/contract.ts";
import { findOperation, type TenantOperation, unknownMethod } from "../tenants/operations.ts";
import { retryAfterSeconds } from "../tenants/retries.ts";
import { nextStep } from "../tenants/steps.ts";
import { hostCallError, untilAbort } from "./host_calls.ts";
import type { Uses } from "./operation.ts";
import { asDomainError } from "./status.ts";

const NAME_CHARS_MAX = 128;
/** What `sdk` sends. */
const Params = z.object({
  namespace: z.string().max(NAME_CHARS_MAX),
  method: z.string().max(NAME_CHARS_MAX),
  request: z.unknown().optional(),
});

const encoder = new TextEncoder();

/**
 * The host call by which `sdk` calls the tenant of the function that makes it. The bytes of its reply are
 * the text of the tenant. The code of its errors is the reason of this server's error, such as `TENANT_NOT_SET`, or
 * `TENANT_STATUS` for an error that the tenant answered.
 */
export function tenantMethod(
  { functionPrincipals, apiRateLimit, tenantCalls, reading }: Uses<
    "functionPrincipals" | "apiRateLimit" | "tenantCalls" | "reading"
  >,
): HostMethod {
  return async ({ params, signal, endsAtMs }, invocation, ports) => {
    const { operation, request } = parsed(params);
    using held = new DisposableStack();
    try {
      const by = await reading(() => functionPrincipals.of(invocation, signal));
      apiRateLimit(by);
      const call = { operation, request, by, invocation, ...ports, signal, endsAtMs, held };
      const result = await untilAbort(tenantCalls.call(call), signal);
      if (result.kind === "error") throw statusError(result.answer, held.move());
      const reply = await replyOf(result.message, result.answer.body);
      return { ...reply, held: held.move() };
    } catch (error) {
      if (error instanceof HostCallError) throw error;
      const failure = asDomainError(error);
      throw hostCallError(failure, failure.reason);
    }
  };
}

/** @throws HostCallError for an operation that no tenant answers */
function parsed(params: unknown): { operation: TenantOperation; request: unknown } {
  const { data } = Params.safeParse(params);
  if (data === undefined) {
    throw new HostCallError(
      "INVALID_ARGUMENT",
      `sdk.call must have a namespace and a method of at most ${NAME_CHARS_MAX} characters`,
    );
  }
  const { namespace, method, request } = data;
  const operation = findOperation(namespace, method);
  if (operation !== undefined) return { operation, request };
  const unknown = new DomainError("TENANT_METHOD_UNKNOWN", unknownMethod(namespace, method));
  throw hostCallError(unknown, unknown.reason);
}

/** The text of the tenant as bytes. Without `value`, the text is the message: a large answer is sent only once. */
async function replyOf({ value, ...answer }: SdkAnswer, text: string): Promise<HostReply> {
  await nextStep(text);
  const message = JSON.stringify(value);
  await nextStep(text);
  const bytes = encoder.encode(text);
  if (message === text) return { value: answer, bytes };
  await nextStep(text);
  return { value: { ...answer, value: embeddedObject(encoder.encode(message)) }, bytes };
}

/** An error of the tenant, as the tenant has written it. */
function statusError({ status, headers, body }: TenantAnswer, held: Disposable): HostCallError {
  const seconds = retryAfterSeconds(headers);
  const details = {
    status,
    text: body,
    contentType: headers["content-type"] ?? "",
    ...seconds === undefined ? {} : { retryAfterSeconds: seconds },
  };
  return new HostCallError("TENANT_STATUS", `the tenant answered status ${status}`, details, held);
}
