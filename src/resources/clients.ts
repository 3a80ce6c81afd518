/**
 * What a client has: the credentials of a principal. From here follow: answers, OpenAPI, columns, update masks. Requests
 * are code: each of their fields has a rule of its own.
 *
 * No request sets a field of a principal, a key or a session, so these need no table.
 */
import { type Fields, NONE, SERVER_ID, SERVER_TIME, type Wanted } from "./field.ts";

/** What its principal can set. */
export const CLIENT_SETTINGS = {
  displayName: { kind: "text", max: 256, unset: { value: "" } },
  scopedRoles: {
    kind: "list",
    answer: "Empty: all roles of the principal",
    unset: { value: [] },
  },
  allowSourceCidr: {
    kind: "list",
    column: "allowSourceCidrs",
    answer: "Networks from which the client may be used. Empty: all",
    unset: { value: [] },
  },
  disabled: { kind: "flag", unset: { value: false } },
} as const satisfies Fields;

const EXPIRY = {
  expiresTime: { kind: "time", column: "expiresAt", unset: NONE },
} as const satisfies Fields;

export const CLIENT = {
  id: SERVER_ID,
  clientId: SERVER_ID,
  userId: { ...SERVER_ID, column: "principalId", answer: "The principal" },
  ...CLIENT_SETTINGS,
  createdAt: SERVER_TIME,
  updatedAt: SERVER_TIME,
  ...EXPIRY,
} as const satisfies Fields;

/** What answers say of a client. */
export const CLIENT_ANSWER = {
  ...CLIENT,
  lastUsedAt: { kind: "time", unset: NONE },
} as const satisfies Fields;

export type ClientSettings = Wanted<typeof CLIENT_SETTINGS>;
/** What an update can change. */
export type ClientChange = ClientSettings & { readonly expiresTime?: string | null | undefined };
/** The paths of an update mask. */
export const CLIENT_FIELDS = Object.keys({
  ...CLIENT_SETTINGS,
  ...EXPIRY,
}) as readonly (keyof ClientChange)[];

/** The public client of `invoked login`. */
export const INVOKED_DEVICE_CLIENT = "invoked-cli";

/** The public client of C1's SDK for Go, with which command lines sign in at C1 tenants. */
export const C1_DEVICE_CLIENT = "2RCzHlak5q7CY14SdBc8HoZEJRf";

/**
 * The public clients that may sign in as devices (RFC 8628), by their ids, with the names that the console shows. They
 * have no secret, so an id proves nothing. The ids of C1's tools are built into those tools.
 */
export const DEVICE_CLIENTS: ReadonlyMap<string, string> = new Map([
  [INVOKED_DEVICE_CLIENT, "invoked"],
  ["2RGdOS94VDferT9e80mdgntl36K", "cone"],
  ["juQSPDsPrdMDpPpR6fGdeLLSs8g", "c1i"],
  [C1_DEVICE_CLIENT, "ConductorOne SDK for Go"],
]);
