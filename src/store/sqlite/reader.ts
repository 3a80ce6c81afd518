import { CamelCasePlugin, Kysely } from "kysely";
import type { Schema } from "../schema.ts";
import { readOnlyDialect } from "./dialect.ts";

/** Reads a database of SQLite that no server uses, and changes nothing. */
export function openReader(file: string): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: readOnlyDialect(file), plugins: [new CamelCasePlugin()] });
}
