/** Calls of running functions to C1 tenants: the rights of the function, the limits of its invocation, log and audit. */
import { Buffer } from "node:buffer";
import { getLogger } from "@logtape/logtape";
import { countOf, formatCount } from "../../config/mod.ts";
import type { InvocationContext } from "../../engine/contract.ts";
import type { HostCall, SandboxLog } from "../../sandbox/contract.ts";
import type { Store } from "../../store/mod.ts";
import {
  InvalidArgument,
  operationLabel,
  type SdkAnswer,
  type TenantAccess,
  type TenantAnswer,
  TenantError,
  type TenantRequest,
  type TenantTransport,
} from "../../tenants/contract.ts";
import { answerOf, requestOf, type TenantOperation } from "../../tenants/operations.ts";
import { allows } from "../../tenants/patterns.ts";
import { nextStep } from "../../tenants/steps.ts";
import type { Audit } from "../audit/audit.ts";
import type { CallEvent } from "../audit/ocsf.ts";
import { DomainError } from "../errors.ts";
import type { Principal } from "../identity/mod.ts";
import { anyFunction } from "../references.ts";
import type { OpenedTenant, Tenants } from "./tenants.ts";
import { FUNCTION_TENANT } from "../../resources/tenants.ts";
import type { FunctionRow } from "../../store/functions.ts";

const logger = getLogger(["invoked", "tenants"]);

/** Calls to its tenant that one attempt of an invocation may make, failed ones included. */
const TENANT_CALLS_MAX = 1_000;

/** A call of a running function. */
interface TenantCall extends Pick<HostCall, "signal" | "endsAtMs"> {
  readonly operation: TenantOperation;
  /** The argument of the function: any JSON value, hostile. */
  readonly request: unknown;
  /** The principal of the function. */
  readonly by: Principal;
  readonly invocation: InvocationContext;
  /** Gets the memory of a large answer: whoever needs the answer no more disposes it. */
  readonly held: DisposableStack;
  readonly onLog: (log: SandboxLog) => void;
  /** Answers in place of the tenant what the function may call; undefined for the tenant itself. */
  readonly tenant?: TenantTransport | undefined;
}

/** What a tenant answers: a message, also in the form of the SDK, or an error of C1 with its status. */
type TenantResult =
  | { readonly kind: "message"; readonly message: SdkAnswer; readonly answer: TenantAnswer }
  | { readonly kind: "error"; readonly answer: TenantAnswer };

interface TenantCallsParts {
  readonly store: Pick<Store, "read" | "reading">;
  readonly tenants: Pick<Tenants, "open" | "connect">;
  readonly audit: Pick<Audit, "record">;
}

/** Sends the calls of running functions to their tenants. */
export class TenantCalls {
  /** Of each running attempt: what has ended needs no count. */
  readonly #counts = new WeakMap<InvocationContext, number>();

  constructor(private readonly parts: TenantCallsParts) {}

  /**
   * Sends one call to the tenant of the function, as the setting of the function allows it now.
   * @throws INVALID_FIELD, TENANT_NOT_SET, TENANT_REMOVED, TENANT_OPERATION_DENIED, TENANT_TOO_MANY_CALLS, and for a
   * failure of the transport, the reason that is its code
   */
  async call(call: TenantCall): Promise<TenantResult> {
    const tenant = await this.parts.store.reading(() => this.#tenantOf(call));
    const number = this.#count(call);
    const beganMs = performance.now();
    try {
      const answer = await this.#send(call, tenant, number);
      const isError = answer.status !== 200;
      const result: TenantResult = isError
        ? { kind: "error", answer }
        : { kind: "message", message: await messageOf(call.operation, answer), answer };
      const how = `status ${answer.status}`;
      log(call, isError ? "warn" : "info", how, { beganMs, answer });
      return result;
    } catch (error) {
      const failure = asDomainError(error);
      const how = failure instanceof DomainError ? failure.reason : "INTERNAL";
      log(call, "warn", how, { beganMs, answer: undefined });
      throw failure;
    }
  }

  /** @throws TENANT_NOT_SET */
  async #tenantOf({ operation, invocation: { functionId } }: TenantCall): Promise<FunctionTenant> {
    const fn = await anyFunction(this.parts.store.read, functionId);
    const isDeleted = fn.deletedAt !== null;
    const tenant = isDeleted ? undefined : functionTenantOf(fn);
    if (tenant !== undefined) return tenant;
    const why = isDeleted
      ? "was deleted"
      : 'has no setting tenant; set it, such as "tenant": {"id": "NAME"} in invoked.json';
    throw new DomainError(
      "TENANT_NOT_SET",
      `${operationLabel(operation)} not sent: function ${fn.displayName} ${why}`,
    );
  }

  /** @param number of the call in its invocation */
  async #send(call: TenantCall, tenant: FunctionTenant, number: number): Promise<TenantAnswer> {
    await this.#assertAllowed(call, tenant);
    const request = requestOf(call.operation, call.request);
    // No tenant gets the request, so the audit log does not have the call.
    if (call.tenant !== undefined) return await send(call, call.tenant, request);
    const { tenants, store } = this.parts;
    const opened = await store.reading(() => this.#opened(call, tenant));
    const sent = () => send(call, tenants.connect(opened), request);
    if (request.access !== "WRITE") return await sent();
    const resources = [{ type: "tenant", id: tenant.id, name: opened.host }];
    // Without its ids, which may be addresses of people.
    const { verb, path } = call.operation;
    return await this.#recorded(call, { resources, facts: { call: number, verb, path } }, sent);
  }

  /** @throws {TenantError} TENANT_REMOVED, with the next step */
  async #opened({ operation }: TenantCall, tenant: FunctionTenant): Promise<OpenedTenant> {
    try {
      return await this.parts.tenants.open(tenant.id, tenant.credentialId);
    } catch (error) {
      if (!(error instanceof TenantError)) throw error;
      throw new TenantError(
        error.code,
        `${operationLabel(operation)} not sent: ${error.message}; set tenant of the function again`,
      );
    }
  }

  /** @throws TENANT_OPERATION_DENIED */
  async #assertAllowed(
    call: TenantCall,
    { id, access, operations }: FunctionTenant,
  ): Promise<void> {
    const { operation } = call;
    const why = operation.access === "WRITE" && access !== "WRITE"
      ? "it changes the tenant, and tenant.access of the function is READ; set it to WRITE"
      : allows(operations, operation)
      ? undefined
      : `no pattern in tenant.operations of the function allows it; add "${operation.namespace}.${operation.method}"`;
    if (why === undefined) return;
    const error = new DomainError(
      "TENANT_OPERATION_DENIED",
      `${operationLabel(operation)} denied: ${why}`,
    );
    const rejected = { code: error.reason, detail: error.message };
    if (call.tenant === undefined) {
      await this.#record(call, { resources: [{ type: "tenant", id }], rejected });
    }
    throw error;
  }

  /**
   * Records a write before it is sent, so that no write reaches a tenant that the audit log does not have, and then how it
   * ended. The second event is missing if the server cannot append it: the call has happened all the same.
   */
  async #recorded(
    call: TenantCall,
    event: Pick<CallEvent, "resources" | "facts">,
    sent: () => Promise<TenantAnswer>,
  ): Promise<TenantAnswer> {
    await this.#record(call, { ...event, outcome: "unknown" });
    const ended = async (outcome: CallEvent["outcome"]) =>
      await this.#record(call, { ...event, outcome }).catch((error) => {
        const operation = operationLabel(call.operation);
        logger.error("The end of {operation} was not recorded in the audit log: {error}", {
          operation,
          error,
        });
      });
    try {
      const answer = await sent();
      const { status } = answer;
      const isDone = status >= 200 && status < 300;
      const detail = `the tenant answered status ${status}`;
      await ended(isDone ? undefined : { code: `STATUS_${status}`, detail });
      return answer;
    } catch (error) {
      const { code, message } = error instanceof TenantError
        ? error
        : { code: "INTERNAL", message: "the server failed; see its log" };
      await ended({ code, detail: message });
      throw error;
    }
  }

  async #record(
    { operation, by, invocation: { invocationId: id, functionId } }: TenantCall,
    event: Pick<CallEvent, "resources" | "rejected" | "outcome" | "facts">,
  ): Promise<void> {
    const { verb } = operation;
    await this.parts.audit.record({
      kind: "call",
      operation: operationLabel(operation),
      activity: verb === "GET" ? "read" : verb === "DELETE" ? "delete" : "other",
      actor: by,
      ...event,
    }, { invocation: { id, functionId }, requestId: id });
  }

  /** The number of the call in its invocation. @throws TENANT_TOO_MANY_CALLS */
  #count({ operation, invocation }: TenantCall): number {
    const count = 1 + (this.#counts.get(invocation) ?? 0);
    if (count > TENANT_CALLS_MAX) {
      throw new DomainError(
        "TENANT_TOO_MANY_CALLS",
        `${operationLabel(operation)} not sent: the invocation has made ${
          countOf(TENANT_CALLS_MAX, "call")
        } to its tenant, which is the limit`,
      );
    }
    this.#counts.set(invocation, count);
    return count;
  }
}

async function send(
  { signal, endsAtMs, held, invocation }: TenantCall,
  transport: TenantTransport,
  request: TenantRequest,
): Promise<TenantAnswer> {
  const caller = invocation.functionId;
  return await transport.send(request, signal, { endsAtMs, attempt: invocation, caller, held });
}

async function messageOf(operation: TenantOperation, answer: TenantAnswer): Promise<SdkAnswer> {
  await nextStep(answer.body);
  return answerOf(operation, answer);
}

/** Failures of a transport, and wrong arguments, as errors of the API. */
function asDomainError(error: unknown): unknown {
  if (error instanceof InvalidArgument) {
    const { message, field, description } = error;
    return new DomainError("INVALID_FIELD", message, { violations: [{ field, description }] });
  }
  if (!(error instanceof TenantError)) return error;
  const { code, message, retryAfterSeconds } = error;
  return new DomainError(code, message, {
    ...retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  });
}

/** One line for each call: what it was and how it ended, never what was sent or answered. */
function log(
  { operation, onLog }: TenantCall,
  level: SandboxLog["level"],
  how: string,
  { beganMs, answer }: { readonly beganMs: number; readonly answer: TenantAnswer | undefined },
): void {
  const ms = formatCount(Math.round(performance.now() - beganMs));
  const bytes = answer === undefined ? "" : `, ${countOf(Buffer.byteLength(answer.body), "byte")}`;
  const message = `${operationLabel(operation)}: ${how}, ${ms} ms${bytes}`;
  onLog({ time: Date.now(), level, source: "system", message });
}

/** What a function may do at which tenant. */
interface FunctionTenant {
  readonly id: string;
  readonly access: TenantAccess;
  /** Patterns of `src/tenants/patterns.ts`; all operations by default. */
  readonly operations: readonly string[];
  /** Undefined for the oldest credential of the tenant. */
  readonly credentialId: string | undefined;
}

/** The tenant of a function; undefined for a function without one. It may have been removed meanwhile. */
function functionTenantOf(
  { tenant }: Pick<FunctionRow, "tenant">,
): FunctionTenant | undefined {
  if (tenant === null) return undefined;
  const { operations, access } = FUNCTION_TENANT.fields;
  const stored = JSON.parse(tenant) as { id: string } & Partial<FunctionTenant>;
  return {
    id: stored.id,
    access: stored.access ?? access.unset.inForce,
    operations: stored.operations ?? operations.unset.inForce,
    credentialId: stored.credentialId,
  };
}
