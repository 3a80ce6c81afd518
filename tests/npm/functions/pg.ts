/** Asks a PostgreSQL server, with parameters, over a TCP tunnel. */
import pg from "npm:pg@8.23.1";

export default async function main({ postgres }: { postgres: string }) {
  const client = new pg.Client({ connectionString: postgres });
  await client.connect();
  const { rows, rowCount } = await client.query("SELECT id, name FROM users WHERE id > $1", [0]);
  const failed = await client.query("SELECT wrong").catch(({ code }) => code);
  await client.end();
  return { rows, rowCount, failed };
}
