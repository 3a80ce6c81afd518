import { z } from "zod";
import type { Session } from "./session.ts";

const texts = z.array(z.string()).nullish().transform((value) => value ?? []);

/** `GET /api/v1/auth/introspect`; the spelling of the first field is C1's. */
const Introspection = z.object({
  principleId: z.string().nullish().transform((value) => value ?? ""),
  tenantId: z.string().nullish().transform((value) => value ?? ""),
  roles: texts,
  permissions: texts,
});

/** Who the credentials belong to. */
interface RemotePrincipal {
  readonly id: string;
  readonly tenantId: string;
  readonly roles: readonly string[];
  /** Those that the server lists. */
  readonly permissions: readonly string[];
}

/** @throws {Failure} if the server does not accept the credentials */
export async function readPrincipal(session: Session): Promise<RemotePrincipal> {
  const what = "Cannot read who the credentials belong to";
  const { principleId: id, ...others } = await session.get(
    what,
    "/api/v1/auth/introspect",
    Introspection,
  );
  return { id, ...others };
}
