import { CLIENT_FIELDS, CLIENT_SETTINGS, type ClientSettings } from "../../resources/clients.ts";
import type { UsedCredentialRow } from "../../store/identity.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError, invalid } from "../errors.ts";
import { maskedFields, type UpdateMask } from "../update_mask.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { mintCredentials, NEW_CREDENTIAL } from "./credentials.ts";
import type { LiveClients } from "./live_clients.ts";
import { clientGone, type Principal } from "./principal.ts";
import { changedColumns, columnsOf } from "../resource.ts";

/** The kinds of credentials that a principal manages as its own. */
const KINDS: readonly UsedCredentialRow["kind"][] = ["secret", "api_key", "device"];

/** The clients of a principal: each has an id and a secret of its own, and can be disabled and deleted alone. */
export class Clients {
  constructor(
    private readonly store: Store,
    private readonly pages: Pages,
    private readonly ids: Ids,
    private readonly liveClients: LiveClients,
    /** Host, with its port, in the ids of new clients. */
    private readonly host: string,
  ) {}

  /**
   * Makes a client. Its secret exists in the answer alone.
   * @param lifetimeMs undefined for a client that does not expire
   */
  async create(
    by: Principal,
    settings: ClientSettings,
    lifetimeMs: number | undefined,
  ): Promise<{ readonly row: UsedCredentialRow; readonly clientSecret: string }> {
    const { credentials, record } = await mintCredentials(this.host, "pcc");
    const { id, time } = this.ids.nextWithTime();
    const expiresAt = lifetimeMs === undefined ? null : isoAfter(time, lifetimeMs);
    const row = await this.store.write(
      async (tx) => {
        await this.#assertLive(tx, by);
        await tx.identity.insertCredential({
          ...record,
          ...NEW_CREDENTIAL,
          kind: "secret",
          id,
          principalId: by.id,
          ...columnsOf(CLIENT_SETTINGS, settings),
          createdAt: time.toISOString(),
          updatedAt: time.toISOString(),
          expiresAt,
          deletedAt: null,
        });
        return await clientOf(tx, by, id);
      },
      "durable",
      [locks.ofPrincipal(by.id)],
    );
    return { row, clientSecret: credentials.clientSecret };
  }

  /** Newest first. */
  async list(by: Principal, query: PageQuery): Promise<ListPage<UsedCredentialRow>> {
    const page = this.pages.open(["clients", by.id], query);
    const { rows, next } = await this.store.read.identity.credentials(by.id, KINDS, page);
    return { list: rows, nextPageToken: page.tokenFor(next) };
  }

  /** @throws CLIENT_NOT_FOUND */
  async get(by: Principal, id: string): Promise<UsedCredentialRow> {
    return await clientOf(this.store.read, by, id);
  }

  /** @throws CLIENT_NOT_FOUND, INVALID_FIELD, also for disabling or limiting the client of the request */
  async update(
    by: Principal,
    id: string,
    change: ClientSettings,
    mask: UpdateMask | undefined,
  ): Promise<UsedCredentialRow> {
    const given = CLIENT_FIELDS.filter((field) => change[field] !== undefined);
    const fields = maskedFields(mask, CLIENT_FIELDS, given);
    if (fields.has("displayName") && !change.displayName) {
      throw invalid({ field: "client.displayName", description: "must not be empty" });
    }
    const disables = fields.has("disabled") && change.disabled;
    const what = disables ? "disable" : fields.has("scopedRoles") ? "limit" : "update";
    return await this.#change(by, id, what, changedColumns(CLIENT_SETTINGS, change, [...fields]));
  }

  /** @throws CLIENT_NOT_FOUND, INVALID_FIELD for the client of the request */
  async delete(by: Principal, id: string): Promise<void> {
    await this.#change(by, id, "delete", { deletedAt: new Date().toISOString() });
  }

  async #change(
    by: Principal,
    id: string,
    what: "update" | "limit" | "disable" | "delete",
    change: Parameters<Writers["identity"]["updateCredential"]>[1],
  ): Promise<UsedCredentialRow> {
    const row = await this.store.write(
      async (tx) => {
        // Of two clients that delete each other at the same time, one remains.
        await this.#assertLive(tx, by);
        const client = await clientOf(tx, by, id);
        if (what !== "update" && client.clientId === by.clientId) throw ownClient(what);
        // Once it is enabled again, its browsers sign in again.
        if (what === "disable" || what === "delete") {
          await tx.consoleSessions.deleteOfClient(client.clientId);
        }
        await tx.identity.updateCredential(id, { updatedAt: new Date().toISOString(), ...change });
        return what === "delete" ? client : await clientOf(tx, by, id);
      },
      "durable",
      [locks.ofPrincipal(by.id)],
    );
    return row;
  }

  /** Checks the credential of the caller, or the person of a session without one. @throws TOKEN_INVALID */
  async #assertLive({ identity }: Writers, by: Principal): Promise<void> {
    const row = await identity.client(by.clientId);
    const live = row === undefined
      ? this.liveClients.principal(await identity.principal(by.id), by.clientId)
      : this.liveClients.of(row);
    if (live === undefined) throw clientGone();
  }
}

function isoAfter(time: Date, ms: number): string {
  return new Date(time.getTime() + ms).toISOString();
}

/** @throws CLIENT_NOT_FOUND for an unknown or deleted client, and for one of another principal */
async function clientOf(
  { identity }: Pick<Store["read"], "identity">,
  by: Principal,
  id: string,
): Promise<UsedCredentialRow> {
  const row = await identity.credential(id);
  if (
    row !== undefined && KINDS.includes(row.kind) && row.principalId === by.id &&
    row.deletedAt === null
  ) return row;
  throw new DomainError(
    "CLIENT_NOT_FOUND",
    `Client ${JSON.stringify(id)} does not exist: ${by.displayName} has no client with this id`,
  );
}

/** A client that acts on itself could leave a server without an administrator. */
function ownClient(what: "limit" | "disable" | "delete"): DomainError {
  const description = `is the client of this request; ${what} it with another client`;
  return invalid({ field: "id", description });
}
