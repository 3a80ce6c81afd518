/** The nodes that share a database, read without joining them. */
import type { NodeRow } from "../nodes.ts";
import type { PostgresOptions } from "./address.ts";
import { timeAfter } from "./dialect.ts";
import { Servers } from "./servers.ts";

/** A node that has joined and has not left, for an hour after the end of its lease. */
export interface KnownNode extends Pick<NodeRow, "id" | "version" | "protocol" | "clockOffsetMs"> {
  /** When its lease ended; null while it lasts. */
  readonly lostAt: string | null;
}

/** The nodes in the order of their ids; empty for a database that no server has used. @throws DatabaseError */
export async function knownNodes(
  { database }: Pick<PostgresOptions, "database">,
): Promise<readonly KnownNode[]> {
  const { client } = await (await Servers.of(database)).connect();
  try {
    const { rows: [found] } = await client.query("select to_regclass('nodes') is not null as used");
    if (found?.used !== true) return [];
    const { rows } = await client.query<KnownNode>(
      // Nodes of an earlier version have no column for their clock.
      "select id, version, protocol, " +
        `coalesce((to_jsonb(nodes) ->> 'clock_offset_ms')::bigint, 0) as "clockOffsetMs", ` +
        `case when lease_until > ${timeAfter(0)} then null else lease_until end as "lostAt" ` +
        "from nodes order by id",
    );
    return rows;
  } finally {
    await client.end();
  }
}
