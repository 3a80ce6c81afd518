/** Opens a database in memory. */
import Database from "npm:better-sqlite3@13.2.0";

export default () => ({ rows: new Database(":memory:").prepare("select 1 as one").all() });
