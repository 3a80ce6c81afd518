import { z } from "zod";
import { Failure, oneLine } from "../terminal/failure.ts";
import { oneAmong } from "./candidates.ts";
import { listOf, optionalText, text } from "./fields.ts";
import { PAGE_SIZE, type Session } from "./session.ts";

const USER = "/api/v1/users/{id}" as const;
const SEARCH = "POST /api/v1/search/users";
/** People who are searched for a name. */
const MAX_CANDIDATES = 1000;

/** A person. What is of this server alone is absent in C1's API. */
const User = z.object({
  id: z.string(),
  displayName: text,
  email: text,
  username: text,
  status: text,
  roleIds: listOf(z.string()),
  assignedRoleIds: listOf(z.string()),
  createdAt: optionalText,
  lastSignInAt: optionalText,
});
export type User = z.output<typeof User>;

const View = z.object({ user: User });
const UserResponse = z.object({ userView: View });
const SearchResponse = z.object({ list: listOf(View), nextPageToken: text });

/** A client of the people of a server: one method for each operation. */
export class UserApi {
  constructor(private readonly session: Session) {}

  /** Newest first. @param query part of a name, email or username */
  async list(query: string, limit: number): Promise<User[]> {
    return await this.session.all(limit, async (pageToken) => {
      const excludeTypes: ["USER_TYPE_SERVICE"] = ["USER_TYPE_SERVICE"];
      const body = { query, excludeTypes, pageSize: Math.min(limit, PAGE_SIZE), pageToken };
      const what = "Failed to list people";
      const page = await this.session.call(what, SEARCH, SearchResponse, { body });
      return { ...page, list: page.list.map(({ user }) => user) };
    });
  }

  /** The person of an email, a username, a name, an id, or the start of an id. @throws {Failure} */
  async find(name: string): Promise<User> {
    const people = await this.list("", MAX_CANDIDATES);
    const named = people.filter(({ email, username }) => [email, username].includes(name));
    const [person, ...others] = named;
    if (person !== undefined && others.length === 0) return person;
    if (person !== undefined) {
      throw new Failure(`There are several people with the email or username ${oneLine(name)}`, {
        next: "use the id instead; list the people with invoked users list",
      });
    }
    const kind = { noun: "User", plural: "people", list: "invoked users list" };
    return oneAmong({ ...kind, url: this.session.url }, name, people);
  }

  async setDisabled({ id, displayName }: User, disabled: boolean): Promise<User> {
    const what = `Failed to ${disabled ? "disable" : "enable"} ${oneLine(displayName)}`;
    const sent = { path: { id }, body: { user: { disabled }, updateMask: "disabled" } };
    return (await this.session.call(what, `PATCH ${USER}`, UserResponse, sent)).userView.user;
  }

  /** Replaces the roles that owners give a person. */
  async setRoles({ id, displayName }: User, roleIds: readonly string[]): Promise<User> {
    const what = `Failed to set the roles of ${oneLine(displayName)}`;
    const sent = { path: { id }, body: { roleIds: [...roleIds] } };
    return (await this.session.call(what, `POST ${USER}/roles`, UserResponse, sent)).userView.user;
  }

  async delete({ id, displayName }: User): Promise<void> {
    const what = `Failed to delete ${oneLine(displayName)}`;
    await this.session.call(what, `DELETE ${USER}`, z.unknown(), { path: { id }, body: {} });
  }
}
