/** What a service principal and its credentials have. Requests are code: most of their fields have a rule of their own. */
import { type Fields, NONE, SERVER_ID, SERVER_TIME, type Wanted } from "./field.ts";

/** What an update can set. */
export const PRINCIPAL_SETTINGS = {
  displayName: { kind: "text", max: 256, unset: { value: "" } },
  disabled: {
    kind: "flag",
    about: "Neither credentials nor sessions of a disabled principal work",
    unset: { value: false },
  },
} as const satisfies Fields;

export const PRINCIPAL = {
  id: SERVER_ID,
  ...PRINCIPAL_SETTINGS,
  roleIds: {
    kind: "list",
    column: "roles",
    answer: "Ids of the principal's roles; a new principal has none",
    unset: { value: [] },
  },
  createdAt: SERVER_TIME,
  updatedAt: SERVER_TIME,
} as const satisfies Fields;

export type PrincipalSettings = Wanted<typeof PRINCIPAL_SETTINGS>;
/** The paths of an update mask. */
export const PRINCIPAL_FIELDS = Object.keys(
  PRINCIPAL_SETTINGS,
) as readonly (keyof PrincipalSettings)[];

/** What an update can set. */
export const CREDENTIAL_SETTINGS = {
  displayName: { kind: "text", max: 256, unset: { value: "" } },
  scopedRoleIds: {
    kind: "list",
    column: "scopedRoles",
    answer: "Ids of the roles that cut the principal's rights; empty: all rights of the principal",
    unset: { value: [] },
  },
  allowSourceCidrs: {
    kind: "list",
    max: 32,
    answer: "The networks from which the credential works; empty: all addresses",
    unset: { value: [] },
  },
  disabled: { kind: "flag", unset: { value: false } },
} as const satisfies Fields;

export const CREDENTIAL = {
  id: SERVER_ID,
  servicePrincipalId: { ...SERVER_ID, column: "principalId" },
  clientId: SERVER_ID,
  ...CREDENTIAL_SETTINGS,
  requireDpop: {
    kind: "flag",
    answer: "Whether token requests and calls must prove a key (RFC 9449)",
    unset: { value: false },
  },
  createdAt: SERVER_TIME,
  updatedAt: SERVER_TIME,
  expiresAt: { kind: "time", unset: NONE },
  lastUsedAt: { kind: "time", answer: "Exact to a minute; absent: never used", unset: NONE },
} as const satisfies Fields;

export type CredentialSettings = Wanted<typeof CREDENTIAL_SETTINGS>;
/** The paths of an update mask. */
export const CREDENTIAL_FIELDS = Object.keys(
  CREDENTIAL_SETTINGS,
) as readonly (keyof CredentialSettings)[];

/** What a credential is, as requests and answers name it. */
export const CREDENTIAL_KIND = {
  kind: "oneOf",
  values: ["CREDENTIAL_KIND_UNSPECIFIED", "CREDENTIAL_KIND_SECRET", "CREDENTIAL_KIND_API_KEY"],
  schema: "invoked.CredentialKind",
  labels: {
    CREDENTIAL_KIND_SECRET: "Client id and secret",
    CREDENTIAL_KIND_API_KEY: "API key",
  },
  about:
    "SECRET: a client id with a secret, which are exchanged for access tokens; API_KEY: a key " +
    "that callers send in place of an access token. UNSPECIFIED in a request means SECRET",
  unset: { value: "CREDENTIAL_KIND_SECRET" },
} as const satisfies Fields[string];

const DAY = 24 * 60 * 60 * 1000;
/** The time after which a credential of a service principal expires, in milliseconds. */
export const CREDENTIAL_LIFETIME = { min: 60_000, max: 180 * DAY, default: 180 * DAY } as const;
