/** Makes a query builder at the top of the module, and compiles a query. */
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from "npm:kysely@0.29.9";

const db = new Kysely<{ person: { id: number; name: string } }>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export default () => ({
  sql: db.selectFrom("person").select("name").where("id", "=", 1).compile().sql,
});
