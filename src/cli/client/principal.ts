import { z } from "zod";
import { listOf, text } from "./fields.ts";
import type { Session } from "./session.ts";

/** `GET /api/v1/auth/introspect`; the spelling of the first field is C1's. */
const Introspection = z.object({
  principleId: text,
  tenantId: text,
  roles: listOf(z.string()),
  permissions: listOf(z.string()),
});

/** The owner of the credentials. */
interface RemotePrincipal {
  readonly id: string;
  readonly tenantId: string;
  readonly roles: readonly string[];
  /** The permissions that the server lists. */
  readonly permissions: readonly string[];
}

/** @throws {Failure} if the server does not accept the credentials */
export async function readPrincipal(session: Session): Promise<RemotePrincipal> {
  const what = "Failed to read the owner of the credentials";
  const operation = "GET /api/v1/auth/introspect";
  const { principleId: id, ...others } = await session.call(what, operation, Introspection, {});
  return { id, ...others };
}
