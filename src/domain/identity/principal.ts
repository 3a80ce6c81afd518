/** Roles of principals. The administrator may do everything. */
export const ROLES = ["administrator"] as const;
export type Role = (typeof ROLES)[number];

/** Who is calling: a service principal, as its access token tells. */
export interface Principal {
  readonly id: string;
  readonly displayName: string;
  readonly clientId: string;
  readonly roles: readonly string[];
}
