import { CLIENT_FIELDS, CLIENT_SETTINGS, type ClientSettings } from "../../resources/clients.ts";
import type { ClientRow } from "../../store/identity.ts";
import type { Store, Writers } from "../../store/mod.ts";
import { DomainError, invalid } from "../errors.ts";
import { maskedFields, type UpdateMask } from "../update_mask.ts";
import type { Ids } from "../ids.ts";
import { locks } from "../locks.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";
import { mintCredentials } from "./credentials.ts";
import { clientGone, liveClientOf, type Principal } from "./principal.ts";
import { changedColumns, columnsOf } from "../resource.ts";

/** The clients of a principal: each has an id and a secret of its own, and can be disabled and deleted alone. */
export class Clients {
  constructor(
    private readonly store: Store,
    private readonly pages: Pages,
    private readonly ids: Ids,
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
  ): Promise<{ readonly row: ClientRow; readonly clientSecret: string }> {
    const { credentials, record } = await mintCredentials(this.host, "pcc");
    const { id, time } = this.ids.nextWithTime();
    const expiresAt = lifetimeMs === undefined ? null : isoAfter(time, lifetimeMs);
    const row = await this.store.write(
      async (tx) => {
        await assertLive(tx, by);
        await tx.identity.insertCredential({
          ...record,
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
  async list(by: Principal, query: PageQuery): Promise<ListPage<ClientRow>> {
    const page = this.pages.open(["clients", by.id], query);
    const { rows, next } = await this.store.read.identity.clients(by.id, page);
    return { list: rows, nextPageToken: page.tokenFor(next) };
  }

  /** @throws CLIENT_NOT_FOUND */
  async get(by: Principal, id: string): Promise<ClientRow> {
    return await clientOf(this.store.read, by, id);
  }

  /** @throws CLIENT_NOT_FOUND, INVALID_FIELD, also for disabling or limiting the client of the request */
  async update(
    by: Principal,
    id: string,
    change: ClientSettings,
    mask: UpdateMask | undefined,
  ): Promise<ClientRow> {
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
    change: Parameters<Writers["identity"]["updateClient"]>[1],
  ): Promise<ClientRow> {
    const row = await this.store.write(
      async (tx) => {
        // Of two clients that delete each other at the same time, one remains.
        await assertLive(tx, by);
        const client = await clientOf(tx, by, id);
        if (what !== "update" && client.clientId === by.clientId) throw ownClient(what);
        // Once it is enabled again, its browsers sign in again.
        if (what === "disable" || what === "delete") {
          await tx.consoleSessions.deleteOfClient(client.clientId);
        }
        await tx.identity.updateClient(id, { updatedAt: new Date().toISOString(), ...change });
        return what === "delete" ? client : await clientOf(tx, by, id);
      },
      "durable",
      [locks.ofPrincipal(by.id)],
    );
    return row;
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
): Promise<ClientRow> {
  const row = await identity.clientById(id);
  if (row !== undefined && row.principalId === by.id && row.deletedAt === null) return row;
  throw new DomainError(
    "CLIENT_NOT_FOUND",
    `Client ${JSON.stringify(id)} does not exist: ${by.displayName} has no client with this id`,
  );
}

/** @throws TOKEN_INVALID */
async function assertLive(tx: Writers, by: Principal): Promise<void> {
  const row = await tx.identity.client(by.clientId);
  if (row === undefined || liveClientOf(row) === undefined) throw clientGone();
}

/** A client that acts on itself could leave a server without an administrator. */
function ownClient(what: "limit" | "disable" | "delete"): DomainError {
  const description = `is the client of this request; ${what} it with another client`;
  return invalid({ field: "id", description });
}
