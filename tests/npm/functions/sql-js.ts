/** Asks SQLite in memory, which the package carries as WebAssembly in a file. */
import initSqlJs from "npm:sql.js@1.13.0";

export default async () => {
  const { Database } = await initSqlJs();
  const database = new Database();
  database.run("create table users (id integer, name text)");
  database.run("insert into users values (1, 'Ada')");
  return { rows: database.exec("select * from users")[0].values };
};
