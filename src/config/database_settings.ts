import { databaseUrl } from "./database_url.ts";
import { file, integer } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";

/** Settings of the database. */
export const DATABASE_SETTINGS = {
  /** Undefined for SQLite in the data directory. */
  url: setting("database", databaseUrl(), {
    description: "URL of a PostgreSQL database for the records, instead of SQLite",
  }),
  /** Absolute path of a file whose first line is the password. */
  passwordFile: setting("database-password-file", file(), {
    description: "File with the database password, if the URL has none; PGPASSWORD by default",
  }),
  maxConnections: setting("database-connections", integer({ min: "3", max: "1000" }), {
    default: "10",
    description: "Connections of one server to PostgreSQL: one for writes, all others for reads",
  }),
} satisfies Rows;
