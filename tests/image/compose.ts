/** The server of deploy/compose.yaml, as flags of an engine. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const DEPLOY = new URL("../../deploy/", import.meta.url);

/**
 * What deploy/compose.yaml lets the server do, and its environment.
 * @param database URL of the database that replaces the one of the file, with its password
 */
export async function composeFlags(database: URL): Promise<string[]> {
  const { services: { invoked } } = parse(
    await Deno.readTextFile(new URL("compose.yaml", DEPLOY)),
  );
  const { INVOKED_DATABASE, PGPASSWORD, ...more } = invoked.environment;
  const { username, hostname, search } = new URL(INVOKED_DATABASE);
  assert.deepEqual([username, hostname], ["invoked", "postgres"]);
  assert.match(PGPASSWORD, /^\$\{POSTGRES_PASSWORD:/);
  const environment = {
    ...more,
    INVOKED_DATABASE:
      `postgres://${database.username}@${database.host}${database.pathname}${search}`,
    PGPASSWORD: database.password,
  };
  return [
    ...invoked.read_only ? ["--read-only"] : [],
    ...invoked.cap_drop.map((name: string) => `--cap-drop=${name}`),
    ...invoked.security_opt.map((option: string) => `--security-opt=${withPath(option)}`),
    ...Object.entries(environment).map(([name, value]) => `--env=${name}=${value}`),
  ];
}

/** The file of an option is beside the compose file. */
function withPath(option: string): string {
  return option.replace(/^seccomp=(.*\.json)$/, (_, name) => {
    return `seccomp=${fileURLToPath(new URL(name, DEPLOY))}`;
  });
}
