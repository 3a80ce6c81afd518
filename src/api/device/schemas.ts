import { z } from "@hono/zod-openapi";
import type { PendingDevice, Principal } from "../../domain/identity/mod.ts";
import type { Uses } from "../operation.ts";
import { timestamp } from "../primitives.ts";
import type { SessionCookie } from "../cookies.ts";

/** What the operations of the page use. A person must be there, so an access token is no proof. */
export type Deciding = Uses<"consoleSessions" | "deviceFlow" | "deviceGuesses">;

/**
 * The principal of the session, for whom one more user code is tried.
 * @throws SESSION_ENDED, RATE_LIMITED
 */
export async function guesser(
  { sessionCookie: { token = "" }, remoteAddress }: {
    readonly sessionCookie: SessionCookie;
    readonly remoteAddress: string | undefined;
  },
  { consoleSessions, deviceGuesses }: Deciding,
): Promise<Principal> {
  const { principal } = await consoleSessions.check(token, remoteAddress);
  deviceGuesses.count(principal, remoteAddress);
  return principal;
}

/** What a person types. */
export const userCodeBody = z.object({
  userCode: z.string().min(1).max(64).openapi({
    description: "The code that the device shows; case and separators do not matter",
  }),
});

export const pendingDevice = z.object({
  userCode: z.string(),
  clientId: z.string().openapi({ description: "Public client of the device" }),
  clientName: z.string(),
  address: z.string().openapi({ description: "IP address of the device" }),
  scopedRoles: z.array(z.object({ id: z.string(), displayName: z.string() })).openapi({
    description: "Roles that the device asks for. Empty: all roles of the principal",
  }),
  createdAt: timestamp,
  expiresAt: timestamp,
}).openapi("invoked.PendingDevice");

/** The API's form of a pending device. */
export function deviceJson(device: PendingDevice): z.input<typeof pendingDevice> {
  return { ...device, scopedRoles: device.scopedRoles.map((role) => ({ ...role })) };
}
