/**
 * What a client has: the credentials of a principal. From here follow: answers, OpenAPI, columns, update masks.
 *
 * Clients are what identity can be asked to change. Principals, keys and sessions have no request that sets a field of
 * theirs, so they need no table.
 */
import { BY_SERVER, type Fields, type Wanted } from "./field.ts";

const ID = { kind: "id", unset: BY_SERVER } as const;
const TIME = { kind: "time", unset: BY_SERVER } as const;

/** What its principal can set. */
export const CLIENT_SETTINGS = {
  displayName: { kind: "text", max: 256, isNeeded: true, unset: { value: "" } },
  scopedRoles: {
    kind: "list",
    answer: "Empty: all roles of the principal",
    unset: { value: [] },
  },
  disabled: { kind: "flag", unset: { value: false } },
} as const satisfies Fields;

export const CLIENT = {
  id: ID,
  clientId: ID,
  userId: { ...ID, column: "principalId", answer: "The principal" },
  ...CLIENT_SETTINGS,
  createdAt: TIME,
  updatedAt: TIME,
  expiresTime: { kind: "time", column: "expiresAt", unset: { null: "" } },
} as const satisfies Fields;

export type ClientSettings = Wanted<typeof CLIENT_SETTINGS>;
/** The paths of an update mask. */
export const CLIENT_FIELDS = Object.keys(CLIENT_SETTINGS) as readonly (keyof ClientSettings)[];
