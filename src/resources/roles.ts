/** The built-in roles by name, with their ids, which are the same on every server. C1's names where C1 has the role. */
export const BUILTIN_ROLE_IDS = {
  "system:user": "00000000000000000systemuser",
  "system:log_viewer": "000000000000systemlogviewer",
  "system:viewer": "000000000000000systemviewer",
  "functions:invoker": "00000000000functionsinvoker",
  "functions:developer": "000000000functionsdeveloper",
  "system:owner": "0000000000000000systemowner",
} as const;

const NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(BUILTIN_ROLE_IDS).map(([name, id]) => [id, name]),
);
/** Names that requests and `invoked.json` may use in place of ids: C1's, and those of version 0.1. */
const IDS: ReadonlyMap<string, string> = new Map([
  ...Object.entries(BUILTIN_ROLE_IDS),
  ["reader", BUILTIN_ROLE_IDS["system:viewer"]],
  ["invoker", BUILTIN_ROLE_IDS["functions:invoker"]],
  ["administrator", BUILTIN_ROLE_IDS["system:owner"]],
]);

/** What to show for the id of a role: the name of a built-in role, the id of another one. */
export function roleName(id: string): string {
  return NAMES.get(id) ?? id;
}

/** The id of the built-in role with a name; any other text as it is. */
export function roleIdOf(nameOrId: string): string {
  return IDS.get(nameOrId) ?? nameOrId;
}
