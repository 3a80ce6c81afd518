import type { Kysely, Selectable } from "kysely";
import { fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { RowReads } from "./changes.ts";
import type { ConsoleSessionTable, Schema, SessionLinkTable } from "./schema.ts";

export type ConsoleSessionRow = Selectable<ConsoleSessionTable>;
type SessionLinkRow = Selectable<SessionLinkTable>;

/** Reads the sessions of the console. */
export class ConsoleSessionReader {
  constructor(protected readonly db: Kysely<Schema>, private readonly cache: RowReads) {}

  /** The session of a token, expired or not. */
  byToken(tokenHash: string): Promise<ConsoleSessionRow | undefined> {
    return this.cache.read(
      `session ${tokenHash}`,
      () =>
        this.db.selectFrom("consoleSessions").selectAll().where("tokenHash", "=", tokenHash)
          .executeTakeFirst(),
    );
  }

  /** The sessions of a principal that expire after a time, newest first. */
  ofPrincipal(
    principalId: string,
    after: string,
    page: PageRequest,
  ): Promise<Page<ConsoleSessionRow>> {
    const query = this.db.selectFrom("consoleSessions").selectAll()
      .where("principalId", "=", principalId).where("expiresAt", ">", after);
    return fetchPage(query, "id", page);
  }
}

/** Writes the sessions of the console, and the codes of links that begin a session. */
export class ConsoleSessionWriter extends ConsoleSessionReader {
  async insertLink(row: SessionLinkRow): Promise<void> {
    await this.db.insertInto("sessionLinks").values(row).execute();
  }

  /** Removes and returns the link of a code; undefined for an unknown code. Of several writes one receives the link. */
  async takeLink(codeHash: string): Promise<SessionLinkRow | undefined> {
    const row = await this.db.selectFrom("sessionLinks").selectAll()
      .where("codeHash", "=", codeHash).executeTakeFirst();
    const { numDeletedRows } = await this.db.deleteFrom("sessionLinks")
      .where("codeHash", "=", codeHash).executeTakeFirst();
    return numDeletedRows > 0n ? row : undefined;
  }

  async insert(row: ConsoleSessionRow): Promise<void> {
    await this.db.insertInto("consoleSessions").values(row).execute();
  }

  async deleteByToken(tokenHash: string): Promise<void> {
    await this.db.deleteFrom("consoleSessions").where("tokenHash", "=", tokenHash).execute();
  }

  /** False if the principal has no session with this id. */
  async delete(principalId: string, id: string): Promise<boolean> {
    const { numDeletedRows } = await this.db.deleteFrom("consoleSessions")
      .where("principalId", "=", principalId).where("id", "=", id).executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /** Deletes the sessions and links of a client. */
  async deleteOfClient(clientId: string): Promise<void> {
    await this.db.deleteFrom("sessionLinks").where("clientId", "=", clientId).execute();
    await this.db.deleteFrom("consoleSessions").where("clientId", "=", clientId).execute();
  }

  /** Deletes the sessions of a principal. */
  async deleteOfPrincipal(principalId: string): Promise<void> {
    await this.db.deleteFrom("consoleSessions").where("principalId", "=", principalId).execute();
  }

  /** Deletes the sessions and links that expired before a time. */
  async deleteBefore(time: string): Promise<void> {
    await this.db.deleteFrom("sessionLinks").where("expiresAt", "<", time).execute();
    await this.db.deleteFrom("consoleSessions").where("expiresAt", "<", time).execute();
  }
}
