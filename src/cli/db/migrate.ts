import type { Command } from "commander";
import { ALL_SETTINGS, loadConfig, readEnvironment } from "../../config/mod.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addSettingFlags } from "../options/setting_flags.ts";
import { Failure } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

/** `invoked db migrate`: migrates a database of PostgreSQL to this version. */
export function register(command: Command): void {
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path, group }) => path === "server.configFile" || group === "database"),
  );
  addJsonOption(command);
  addExamples(command, "invoked db migrate --database postgres://invoked@db.example/invoked");
  command.action(async ({ json }: { readonly json?: true }) => {
    const { config } = loadConfig(readFlags(), readEnvironment());
    const { postgresOptionsOf } = await import("../../store/postgres/address.ts");
    const options = postgresOptionsOf(config, { exclusive: false });
    if (options === undefined) {
      throw new Failure("Nothing was migrated: --database is missing", {
        exit: "usage",
        next: "name the database with --database; serve migrates SQLite itself",
      });
    }
    const { migrateDatabase } = await import("../../store/migrate_database.ts");
    const { database, from, to } = await migrateDatabase(options);
    if (json) return printJson({ database, from: from ?? null, to });
    console.log(
      from === to
        ? `The ${database} has the migration ${to} already`
        : `Migrated ${database} from ${from ?? "an empty database"} to ${to}`,
    );
  });
}
