import { z } from "zod";
import { Failure, oneLine } from "../terminal/failure.ts";
import { isId, MAX_LISTED, oneAmong } from "./candidates.ts";
import { listOf, optionalText, text } from "./fields.ts";
import { PAGE_SIZE, SessionClient } from "./session.ts";

const USER = "/api/v1/users/{id}" as const;
const SEARCH = "POST /api/v1/search/users";
/** People who are searched for a name, and the newest ones whose ids may begin with a text. */
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
const AnyUserResponse = z.object({ userView: z.object({ user: User.extend({ type: text }) }) });
const SearchResponse = z.object({ list: listOf(View), nextPageToken: text });

/** A client of the people of a server: one method for each operation. */
export class UserApi extends SessionClient {
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

  /**
   * The person of an email, a username, a name, an id, or the start of an id. Somebody may have the email of somebody else as
   * username, so a username with an `@` counts only if it is the person's email, too.
   * @throws {Failure}
   */
  async find(name: string): Promise<User> {
    if (isId(name)) return await this.#get(name);
    const found = await this.list(name, MAX_CANDIDATES);
    const named = found.filter(({ email, username }) =>
      email === name || (username === name && !name.includes("@"))
    );
    const [person, ...others] = named;
    if (person !== undefined && others.length === 0) return person;
    if (person !== undefined) {
      const ids = named.slice(0, MAX_LISTED).map(({ id, displayName }) =>
        oneLine(`${id} (${displayName})`)
      );
      throw new Failure(
        `There are several people with the email or username ${oneLine(name)}: ${ids.join(", ")}`,
        { next: "use the id instead" },
      );
    }
    const kind = { noun: "User", plural: "people", list: "invoked users list" };
    const isNamed = found.some(({ displayName }) => displayName === name);
    const candidates = isNamed ? found : await this.list("", MAX_CANDIDATES);
    return oneAmong({ ...kind, url: this.session.url }, name, candidates);
  }

  async #get(id: string): Promise<User> {
    const what = `Failed to find user ${id}`;
    const sent = { path: { id } };
    const { userView } = await this.session.call(what, `GET ${USER}`, AnyUserResponse, sent);
    const { type, ...user } = userView.user;
    if (type !== "USER_TYPE_SERVICE") return user;
    throw new Failure(`${id} is a service principal, not a person`, {
      next: "use invoked principals instead; list the people with invoked users list",
    });
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
