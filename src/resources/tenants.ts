/** What C1 tenants and their credentials have. From here follow: requests, answers, OpenAPI, columns and masks. */
import { type Fields, NONE, SERVER_ID, SERVER_TIME, type Wanted } from "./field.ts";

/** What an update can set. */
export const TENANT_SETTINGS = {
  name: {
    kind: "text",
    about:
      "Names the tenant in settings and commands: letters, digits and . _ -, at most 64 characters",
    request: "Absent in a new tenant: the first label of the host",
    sample: "acme",
    unset: { value: "" },
  },
} as const satisfies Fields;

export const TENANT = {
  id: SERVER_ID,
  ...TENANT_SETTINGS,
  host: {
    kind: "text",
    about: "Host of the tenant, with a port unless it is 443. It cannot change",
    sample: "acme.conductor.one",
    unset: { value: undefined },
  },
  isExample: {
    kind: "flag",
    about: "Whether the server itself answers as the tenant, with invented data",
    unset: { value: false },
  },
  createdAt: SERVER_TIME,
  updatedAt: SERVER_TIME,
} as const satisfies Fields;

/** What answers have of a credential of a tenant. */
export const TENANT_CREDENTIAL = {
  id: SERVER_ID,
  clientId: {
    kind: "text",
    about: "Id of the client of the tenant, such as NAME@acme.conductor.one/SUFFIX",
    unset: { value: undefined },
  },
  createdAt: SERVER_TIME,
  updatedAt: { ...SERVER_TIME, answer: "When the credential was added or last rotated" },
} as const satisfies Fields;

/** The tenant that the `sdk` of a function calls. */
export const FUNCTION_TENANT = {
  kind: "group",
  schema: "invoked.FunctionTenant",
  about: "The C1 tenant that the function may call, and what it may do there. {} removes it",
  docs: "[C1 tenant](tenants.md#give-a-function-access) that `sdk` calls",
  example: `'{"id": "acme", "access": "READ"}'`,
  always: ["id", "access"],
  unset: NONE,
  fields: {
    id: {
      kind: "text",
      label: "Tenant",
      request: "Id, name or host of the tenant; answers have the id",
      hint: "The tenant that sdk calls",
      unset: NONE,
    },
    access: {
      kind: "oneOf",
      values: ["READ", "WRITE"],
      labels: { READ: "Reads and searches", WRITE: "Reads and writes" },
      schema: "invoked.TenantAccess",
      about: "READ: reads, searches and audits; WRITE: every operation",
      label: "Access",
      unset: { inForce: "READ" },
    },
    operations: {
      kind: "list",
      max: 100,
      // Who removes the last pattern means no operation, and not all.
      emptyViolation: "is empty; omit it for all operations",
      rule: "operationPattern",
      label: "Operations",
      request: "Patterns of the operations that the function may call, such as user.* or apps.list",
      hint: "One pattern per line, such as user.* or apps.list. If empty: all operations",
      unset: { inForce: ["*"] },
    },
    credentialId: {
      kind: "text",
      label: "Credential",
      request: "Id or client id of the credential; answers have the id. Absent: the oldest one",
      hint: "Of the tenant. If empty: its oldest credential",
      unset: NONE,
    },
  },
} as const satisfies Fields[string];

export type TenantSettings = Wanted<typeof TENANT_SETTINGS>;
/** The paths of an update mask. */
export const TENANT_FIELDS = Object.keys(TENANT_SETTINGS) as readonly (keyof TenantSettings)[];
