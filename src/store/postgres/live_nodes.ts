/** The nodes that share a database, read without joining them. */
import type { NodeRow } from "../nodes.ts";
import type { PostgresOptions } from "./address.ts";
import { timeAfter } from "./dialect.ts";
import { Servers } from "./servers.ts";

/** A node whose lease has not ended. */
export type LiveNode = Pick<NodeRow, "id" | "version" | "protocol">;

/** The live nodes, in the order of their ids; none in a database that no server has used. @throws DatabaseError */
export async function liveNodes(
  { database }: Pick<PostgresOptions, "database">,
): Promise<readonly LiveNode[]> {
  const { client } = await (await Servers.of(database)).connect();
  try {
    const { rows: [found] } = await client.query("select to_regclass('nodes') is not null as used");
    if (found?.used !== true) return [];
    const { rows } = await client.query<LiveNode>(
      `select id, version, protocol from nodes where lease_until > ${timeAfter(0)} ` +
        "order by id",
    );
    return rows;
  } finally {
    await client.end();
  }
}
