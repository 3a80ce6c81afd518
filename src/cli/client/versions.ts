import { z } from "zod";
import { maybe, text } from "./fields.ts";
import type { Session } from "./session.ts";

/** `GET /api/v1/status`; an earlier server reports its version alone. */
const Status = z.object({
  version: text,
  commit: maybe(z.string()),
  deno: maybe(z.string()),
  schema: maybe(z.string()),
  protocol: maybe(z.number()),
});

/** The versions of a server. */
export type RemoteVersions = z.infer<typeof Status>;

/** @throws {Failure} if the server is not reachable, or does not accept the credentials */
export async function readServerVersions(session: Session): Promise<RemoteVersions> {
  return await session.call(
    "Failed to read the versions of the server",
    "GET /api/v1/status",
    Status,
    {},
  );
}
