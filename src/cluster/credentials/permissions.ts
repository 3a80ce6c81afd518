/** What a role may publish and subscribe: `deploy/nats/api.conf` and `worker.conf`, read for other forms of configuration. */
import { installed } from "../../shared/installation.ts";
import { parse, type ParseError, printParseErrorCode } from "jsonc-parser";

export const ROLES = ["api", "worker"] as const;
export type Role = typeof ROLES[number];

/** The public NKey of the user, in these files and in accounts. */
const USER = "{{subject()}}";

interface Subjects {
  readonly allow: readonly string[];
}

/** Permissions of a user as nats-server has them in its configuration. */
export interface Permissions {
  readonly publish: Subjects;
  readonly subscribe: Subjects;
  /** Answers to messages that the user received: how many for each, and for how long. */
  readonly allow_responses?: { readonly max: number; readonly expires: string };
}

/** The permissions of a role, with a pattern for the user's public NKey. */
export async function readPermissions(role: Role): Promise<Permissions> {
  const text = await Deno.readTextFile(installed(`deploy/nats/${role}.conf`));
  const errors: ParseError[] = [];
  const permissions: Permissions = parse(`{${text}}`, errors);
  const [error] = errors;
  if (error !== undefined) {
    throw new Error(`Failed to read ${role}.conf: ${printParseErrorCode(error.error)}`);
  }
  return permissions;
}

/** The permissions of one user. */
export function permissionsOf(permissions: Permissions, user: string): Permissions {
  const fill = ({ allow }: Subjects) => ({
    allow: allow.map((subject) => subject.replaceAll(USER, user)),
  });
  const { publish, subscribe } = permissions;
  return { ...permissions, publish: fill(publish), subscribe: fill(subscribe) };
}
