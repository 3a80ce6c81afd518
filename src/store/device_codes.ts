import type { Kysely, Selectable } from "kysely";
import type { Schema } from "./schema.ts";
import type { DeviceCodeTable } from "./session_tables.ts";

export type DeviceCodeRow = Selectable<DeviceCodeTable>;

/** What a person decides about a sign-in. */
export type DeviceDecision =
  | {
    readonly state: "approved";
    readonly principalId: string;
    readonly approverClientId: string | null;
    readonly scopedRoles: string;
  }
  | { readonly state: "denied" };

/** Reads the sign-ins of devices. */
export class DeviceCodeReader {
  constructor(protected readonly db: Kysely<Schema>) {}

  /** The sign-in of a device code, expired or not. */
  byDeviceCode(deviceCodeHash: string): Promise<DeviceCodeRow | undefined> {
    return this.db.selectFrom("deviceCodes").selectAll()
      .where("deviceCodeHash", "=", deviceCodeHash).executeTakeFirst();
  }

  /** The sign-in of a user code, expired or not. */
  byUserCode(userCodeHash: string): Promise<DeviceCodeRow | undefined> {
    return this.db.selectFrom("deviceCodes").selectAll()
      .where("userCodeHash", "=", userCodeHash).executeTakeFirst();
  }

  /** Counts all rows, and those of one sender; expired rows that still exist count, too. */
  async count(sender: string): Promise<{ readonly total: number; readonly ofSender: number }> {
    const { total } = await this.db.selectFrom("deviceCodes")
      .select(({ fn }) => fn.countAll<number | bigint>().as("total")).executeTakeFirstOrThrow();
    const { ofSender } = await this.db.selectFrom("deviceCodes").where("sender", "=", sender)
      .select(({ fn }) => fn.countAll<number | bigint>().as("ofSender")).executeTakeFirstOrThrow();
    return { total: Number(total), ofSender: Number(ofSender) };
  }
}

/** Writes the sign-ins of devices. */
export class DeviceCodeWriter extends DeviceCodeReader {
  /** False if another row has the user code. */
  async insert(row: DeviceCodeRow): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.db.insertInto("deviceCodes").values(row)
      .onConflict((c) => c.column("userCodeHash").doNothing()).executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  /**
   * Decides a pending sign-in; false if it has been decided. Of several writes one decides, also of several nodes.
   */
  async decide(userCodeHash: string, decision: DeviceDecision): Promise<boolean> {
    const { numUpdatedRows } = await this.db.updateTable("deviceCodes").set(decision)
      .where("userCodeHash", "=", userCodeHash).where("state", "=", "pending")
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Denies the sign-ins that a principal has approved and no device has redeemed. */
  async denyOfPrincipal(principalId: string): Promise<void> {
    await this.db.updateTable("deviceCodes").set({ state: "denied" })
      .where("state", "=", "approved").where("principalId", "=", principalId).execute();
  }

  /** Denies the sign-ins that a session of a client has approved and no device has redeemed. */
  async denyOfClient(clientId: string): Promise<void> {
    await this.db.updateTable("deviceCodes").set({ state: "denied" })
      .where("state", "=", "approved").where("approverClientId", "=", clientId).execute();
  }

  /** Removes an approved sign-in; false if it was removed before. Of several writes one removes it, also of several nodes. */
  async redeem(deviceCodeHash: string): Promise<boolean> {
    const { numDeletedRows } = await this.db.deleteFrom("deviceCodes")
      .where("deviceCodeHash", "=", deviceCodeHash).where("state", "=", "approved")
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }
}
