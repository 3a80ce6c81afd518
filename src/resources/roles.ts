/** What a role has, and the names of the roles that every server has. Requests are code: their entries have rules of their own. */
import { type Fields, NONE, SERVER_ID, SERVER_TIME } from "./field.ts";

/** The built-in roles by name, with their ids, which are the same on every server. C1's names where C1 has the role. */
export const BUILTIN_ROLE_IDS = {
  "system:user": "00000000000000000systemuser",
  "system:log_viewer": "000000000000systemlogviewer",
  "system:metrics_reader": "00000000systemmetricsreader",
  "system:viewer": "000000000000000systemviewer",
  "functions:invoker": "00000000000functionsinvoker",
  "functions:developer": "000000000functionsdeveloper",
  "system:owner": "0000000000000000systemowner",
} as const;

/** The names of a role that every server has. */
export interface NamedRole {
  /** 27 alphanumerics, the same on every server. */
  readonly id: string;
  /** C1's name where C1 has the role. */
  readonly name: string;
  readonly displayName: string;
  /** What its holders may do. */
  readonly about: string;
}

function named(
  name: keyof typeof BUILTIN_ROLE_IDS,
  displayName: string,
  about: string,
): NamedRole {
  return { id: BUILTIN_ROLE_IDS[name], name, displayName, about };
}

export const USER = named("system:user", "Basic User", "sees itself");
export const LOG_VIEWER = named(
  "system:log_viewer",
  "Read-Only to System Logs",
  "reads the audit log",
);
export const METRICS_READER = named(
  "system:metrics_reader",
  "Metrics Reader",
  "reads metrics",
);
export const VIEWER = named("system:viewer", "Read-Only Administrator", "reads everything");
export const FUNCTIONS_INVOKER = named(
  "functions:invoker",
  "Function Invoker",
  "reads and invokes functions",
);
export const FUNCTIONS_DEVELOPER = named(
  "functions:developer",
  "Function Developer",
  "reads, invokes and changes functions, and changes volumes",
);
export const OWNER = named("system:owner", "Super Administrator", "changes everything");

/** The roles that every server has, from the least to the most. */
export const NAMED_ROLES: readonly NamedRole[] = [
  USER,
  LOG_VIEWER,
  METRICS_READER,
  VIEWER,
  FUNCTIONS_INVOKER,
  FUNCTIONS_DEVELOPER,
  OWNER,
];

const NAMES: ReadonlyMap<string, string> = new Map(NAMED_ROLES.map(({ id, name }) => [id, name]));
/** Names that requests and `invoked.json` may use in place of ids: C1's, and those of version 0.1. */
const IDS: ReadonlyMap<string, string> = new Map([
  ...NAMED_ROLES.map(({ id, name }) => [name, id] as const),
  ["reader", VIEWER.id],
  ["invoker", FUNCTIONS_INVOKER.id],
  ["administrator", OWNER.id],
]);

/** What to show for the id of a role: the name of a built-in role, the id of another one. */
export function roleName(id: string): string {
  return NAMES.get(id) ?? id;
}

/** Whether a name or an id is that of a built-in role. */
export function isBuiltinRole(nameOrId: string): boolean {
  return NAMES.has(roleIdOf(nameOrId));
}

/** The id that a name of a built-in role means; any other text as it is. */
export function roleIdOf(nameOrId: string): string {
  return IDS.get(nameOrId) ?? nameOrId;
}

/** What a request can set. */
export const ROLE_SETTINGS = {
  displayName: { kind: "text", max: 256, unset: { value: "" } },
  permissions: {
    kind: "list",
    max: 1_000,
    about: "What the role grants, in addition to what every role grants",
    unset: { value: [] },
  },
  functionIds: {
    kind: "list",
    max: 100,
    about: "The functions that the permissions count for; absent or empty: all functions",
    unset: NONE,
  },
} as const satisfies Fields;

/** What answers have of a role that an owner made. */
export const ROLE = {
  id: SERVER_ID,
  ...ROLE_SETTINGS,
  createdAt: SERVER_TIME,
  updatedAt: SERVER_TIME,
} as const satisfies Fields;

/** The paths of an update mask. */
export const ROLE_FIELDS = Object.keys(ROLE_SETTINGS) as readonly (keyof typeof ROLE_SETTINGS)[];
