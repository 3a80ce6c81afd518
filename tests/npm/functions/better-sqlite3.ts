/** Opens a database in memory. */
import Database from "npm:better-sqlite3@12.4.1";

export default () => ({ rows: new Database(":memory:").prepare("select 1 as one").all() });
