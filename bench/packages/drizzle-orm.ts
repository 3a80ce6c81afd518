/** Describes a table at the top of the module, and compiles a query. */
import { eq } from "npm:drizzle-orm@0.45.4";
import { integer, pgTable, QueryBuilder, text } from "npm:drizzle-orm@0.45.4/pg-core";

const people = pgTable("people", { id: integer().primaryKey(), name: text() });

export default () => ({
  sql: new QueryBuilder().select().from(people).where(eq(people.id, 1)).toSQL().sql,
});
