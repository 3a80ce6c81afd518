import type { Command } from "commander";
import { ALL_SETTINGS, formatBytes, readEnvironment, resolveConfig } from "../../config/mod.ts";
import { addExamples, addJsonOption } from "../options/common_options.ts";
import { addSettingFlags } from "../options/setting_flags.ts";
import { describeError, Failure } from "../terminal/failure.ts";
import { printJson } from "../terminal/output.ts";

const HELP = `
Stop the server first. The compacted copy replaces the database once it is complete and checked, so the file system needs that much free space. After the first run, the server itself
gives back what deletions free. PostgreSQL needs no such command: its autovacuum reuses space.`;

/** `invoked db compact`: rewrites the SQLite database of a stopped server without its free space. */
export function register(command: Command): void {
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ path }) => path === "server.dataDir"),
  );
  addJsonOption(command);
  addExamples(command, "invoked db compact --data /var/lib/invoked");
  command.addHelpText("after", HELP);
  command.action(async ({ json }: { readonly json?: true }) => {
    const { config } = resolveConfig(readFlags(), readEnvironment());
    if (config.database.url !== undefined) {
      throw new Failure("Nothing was compacted: the server stores its records in PostgreSQL", {
        next: "leave the work to the autovacuum of PostgreSQL",
      });
    }
    const { dataDir } = config.server;
    const { bytesBefore, bytesAfter } = await compact(dataDir);
    if (json) return printJson({ bytesBefore, bytesAfter });
    const [before, after] = [formatBytes(bytesBefore), formatBytes(bytesAfter)];
    console.log(`Compacted the database of ${dataDir} from ${before} to ${after}`);
  });
}

async function compact(dataDir: string) {
  const { compactDatabase } = await import("../../store/compact.ts");
  try {
    return await compactDatabase(dataDir);
  } catch (error) {
    throw new Failure(describeError(error));
  }
}
