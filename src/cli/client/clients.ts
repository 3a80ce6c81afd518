import { z } from "zod";
import { Failure, oneLine } from "../terminal/failure.ts";
import { ApiError } from "./api_error.ts";
import { allNamed } from "./candidates.ts";
import { Client } from "./schemas.ts";
import { SessionClient } from "./session.ts";
import { CredentialsRejected } from "./token.ts";

const CLIENTS = "/api/v1/iam/personal_clients";
const CLIENT = `${CLIENTS}/{id}` as const;
/** Clients that are searched for a name. */
const MAX_CANDIDATES = 1000;

const ClientResponse = z.object({ client: Client });
const CreateResponse = ClientResponse.extend({ clientSecret: z.string() });

/** A client of the clients of its principal: one method for each operation. */
export class ClientApi extends SessionClient {
  /** Newest first. */
  async list(limit: number): Promise<Client[]> {
    return await this.session.list("Failed to list clients", `GET ${CLIENTS}`, Client, limit, {});
  }

  /**
   * The client of a name, of an id or the beginning of one, or of a client id.
   * @throws {Failure} for an unknown client, and for several matches
   */
  async find(name: string): Promise<Client> {
    const all = await this.list(MAX_CANDIDATES);
    const found = allNamed(all, name, ({ id, clientId, displayName }) => [
      id,
      clientId,
      displayName,
    ]);
    const [client] = found;
    if (client !== undefined && found.length === 1) return client;
    const what = `Client ${JSON.stringify(oneLine(name))}`;
    throw new Failure(
      client === undefined
        ? `${what} not found: ${this.session.url} has no client with this name or id`
        : `${what} is ambiguous: ${found.length} clients have this name or beginning of an id`,
      { next: "list the clients with invoked clients list, and name one by its id" },
    );
  }

  /** @param lifetimeMs undefined for a client that does not expire */
  async create(displayName: string, scopedRoles: readonly string[], lifetimeMs?: number) {
    const what = `Failed to create client ${JSON.stringify(oneLine(displayName))}`;
    const expires = lifetimeMs === undefined ? undefined : `${lifetimeMs / 1000}s`;
    const body = { displayName, scopedRoles: [...scopedRoles], expires };
    return await this.session.call(what, `POST ${CLIENTS}`, CreateResponse, { body });
  }

  async setDisabled({ id, displayName }: Client, disabled: boolean): Promise<Client> {
    const what = `Failed to ${disabled ? "disable" : "enable"} client ${oneLine(displayName)}`;
    const sent = { path: { id }, body: { client: { disabled }, updateMask: "disabled" } };
    return (await this.session.call(what, `POST ${CLIENT}`, ClientResponse, sent)).client;
  }

  /** Deletes the client whose credentials the session has. A client that is gone is no failure. */
  async deleteOwn(id: string): Promise<void> {
    try {
      const what = "Failed to delete the client of the login";
      await this.session.call(what, `DELETE ${CLIENT}`, z.unknown(), { path: { id }, body: {} });
    } catch (error) {
      const isGone = error instanceof CredentialsRejected ||
        error instanceof ApiError && (error.status === 401 || error.status === 404);
      if (!isGone) throw error;
    }
  }

  async delete({ id, displayName }: Client): Promise<void> {
    const what = `Failed to delete client ${oneLine(displayName)}`;
    await this.session.call(what, `DELETE ${CLIENT}`, z.unknown(), { path: { id }, body: {} });
  }
}
