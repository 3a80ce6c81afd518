/** Asks a tenant whom a credential belongs to. */
import { z } from "zod";
import { formatDuration } from "../../config/mod.ts";
import {
  type TenantCredentials,
  TenantError,
  type TenantRequest,
  type TenantTransport,
} from "../../tenants/contract.ts";
import { DomainError } from "../errors.ts";

/** Longest wait for the token and the answer. */
const INTROSPECT_TIMEOUT_MS = 15_000;
const WHAT = "sdk.auth.introspect";

const REQUEST: TenantRequest = {
  operation: { namespace: "auth", method: "introspect" },
  access: "READ",
  verb: "GET",
  path: "/api/v1/auth/introspect",
  body: undefined,
};

const Answer = z.object({
  userId: z.string().min(1).max(256),
  roles: z.array(z.string().max(256)).max(10_000).optional(),
});

/** Whom a credential belongs to, as its tenant answers. */
export interface Introspected {
  readonly userId: string;
  readonly roles: readonly string[];
}

/** @throws DomainError whose reason says why the tenant did not confirm the credential */
export async function introspect(
  transport: TenantTransport,
  { host, clientId }: TenantCredentials,
): Promise<Introspected> {
  const signal = AbortSignal.timeout(INTROSPECT_TIMEOUT_MS);
  try {
    const { status, body } = await transport.send(REQUEST, signal);
    if (status === 401 || status === 403) {
      throw new TenantError(
        "TENANT_CREDENTIAL_REJECTED",
        `${WHAT}: tenant ${host} rejects client ${clientId} with status ${status}`,
      );
    }
    const answer = status === 200 ? Answer.safeParse(jsonIn(body)).data : undefined;
    if (answer === undefined) {
      throw new TenantError(
        status === 200 ? "TENANT_SCHEMA_CHANGED" : "TENANT_BAD_ANSWER",
        `${WHAT}: ${host} answered with status ${status}, and not as a C1 tenant`,
      );
    }
    return { userId: answer.userId, roles: answer.roles ?? [] };
  } catch (error) {
    if (!(error instanceof TenantError)) throw error;
    if (signal.aborted) {
      const limit = formatDuration(INTROSPECT_TIMEOUT_MS);
      throw new DomainError("TENANT_TIMEOUT", `${WHAT}: no answer from ${host} within ${limit}`);
    }
    const { code, message, retryAfterSeconds } = error;
    throw new DomainError(code, message, {
      ...retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
    });
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
