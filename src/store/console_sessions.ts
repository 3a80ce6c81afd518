import type {
  Expression,
  ExpressionBuilder,
  Kysely,
  Selectable,
  SqlBool,
  Updateable,
} from "kysely";
import { countRows, fetchPage, type Page, type PageRequest } from "./paging.ts";
import type { RowReads } from "./row_cache.ts";
import type { Schema } from "./schema.ts";
import type {
  ConsoleSessionTable,
  SessionConfirmationTable,
  SessionLinkTable,
} from "./session_tables.ts";

export type ConsoleSessionRow = Selectable<ConsoleSessionTable>;
export type SessionConfirmationRow = Selectable<SessionConfirmationTable>;
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

  /** The session with an id, expired or not. */
  byId(id: string): Promise<ConsoleSessionRow | undefined> {
    return this.db.selectFrom("consoleSessions").selectAll().where("id", "=", id)
      .executeTakeFirst();
  }

  /** What the provider says of a session; undefined for a session of another kind. */
  confirmation(sessionId: string): Promise<SessionConfirmationRow | undefined> {
    return this.db.selectFrom("sessionConfirmations").selectAll()
      .where("sessionId", "=", sessionId).executeTakeFirst();
  }

  /** What the provider says of all sessions. */
  confirmations(): Promise<SessionConfirmationRow[]> {
    return this.db.selectFrom("sessionConfirmations").selectAll().execute();
  }

  /** The number of sessions that expire after a time. */
  async count(after: string): Promise<number> {
    return await countRows(this.db.selectFrom("consoleSessions").where("expiresAt", ">", after));
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

  /** When the links of a client end that work after a time, the first one first. */
  async openLinksOf(clientId: string, after: string): Promise<readonly string[]> {
    const rows = await this.db.selectFrom("sessionLinks").select("expiresAt")
      .where("clientId", "=", clientId).where("expiresAt", ">", after)
      .orderBy("expiresAt").execute();
    return rows.map(({ expiresAt }) => expiresAt);
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

  /**
   * The sessions of a client that exist beside this many newer ones, oldest first. Sessions that have expired at a time
   * neither count nor are among them.
   * @param limit the most that are answered
   */
  async beyond(
    clientId: string,
    { newer, after, limit }: {
      readonly newer: number;
      readonly after: string;
      readonly limit: number;
    },
  ): Promise<ConsoleSessionRow[]> {
    const open = this.db.selectFrom("consoleSessions")
      .where("clientId", "=", clientId).where("expiresAt", ">", after);
    const newest = await open.select("id").orderBy("id", "desc").limit(1).offset(newer)
      .executeTakeFirst();
    if (newest === undefined) return [];
    return await open.selectAll().where("id", "<=", newest.id).orderBy("id").limit(limit).execute();
  }

  async insertConfirmation(row: SessionConfirmationRow): Promise<void> {
    await this.db.insertInto("sessionConfirmations").values(row).execute();
  }

  async updateConfirmation(
    sessionId: string,
    change: Updateable<SessionConfirmationTable>,
  ): Promise<void> {
    await this.db.updateTable("sessionConfirmations").set(change)
      .where("sessionId", "=", sessionId).execute();
  }

  async deleteByToken(tokenHash: string): Promise<void> {
    await this.#deleteSessions((eb) => eb("tokenHash", "=", tokenHash));
  }

  async deleteById(id: string): Promise<void> {
    await this.#deleteSessions((eb) => eb("id", "=", id));
  }

  /** False if the principal has no session with this id. */
  async delete(principalId: string, id: string): Promise<boolean> {
    return await this.#deleteSessions((eb) =>
      eb.and([eb("principalId", "=", principalId), eb("id", "=", id)])
    );
  }

  /** Deletes the sessions and links of a client. @param principalId of the client, which the change names */
  async deleteOfClient(principalId: string, clientId: string): Promise<void> {
    await this.db.deleteFrom("sessionLinks").where("clientId", "=", clientId).execute();
    await this.#deleteSessions((eb) =>
      eb.and([eb("principalId", "=", principalId), eb("clientId", "=", clientId)])
    );
  }

  /** Deletes the sessions of a principal, and the links of its clients. */
  async deleteOfPrincipal(principalId: string): Promise<void> {
    await this.db.deleteFrom("sessionLinks").where(
      "clientId",
      "in",
      (of) =>
        of.selectFrom("credentials").select("credentials.clientId")
          .where("credentials.principalId", "=", principalId),
    ).execute();
    await this.#deleteSessions((eb) => eb("principalId", "=", principalId));
  }

  /** Deletes sessions with their tokens of the provider. Answers whether there was one. */
  async #deleteSessions(
    which: (eb: ExpressionBuilder<Schema, "consoleSessions">) => Expression<SqlBool>,
  ): Promise<boolean> {
    await this.db.deleteFrom("sessionConfirmations").where(
      "sessionId",
      "in",
      (of) => of.selectFrom("consoleSessions").select("consoleSessions.id").where(which),
    ).execute();
    const { numDeletedRows } = await this.db.deleteFrom("consoleSessions").where(which)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }
}
