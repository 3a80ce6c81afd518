/** Verifies that the master key opens every sealed value. */
import type { DatabaseSync } from "node:sqlite";
import { type Sealer, SealingError } from "../../store/sealing.ts";
import { destinationSecretContext } from "../functions/destinations.ts";
import { secretContext } from "../functions/secrets.ts";
import { serverKeyContext } from "../identity/server_keys.ts";
import { providerTokensContext } from "../sessions/confirmations.ts";
import { tenantSecretContext } from "../tenants/tenants.ts";
import { triggerSecretContext, verifyTokenContext } from "../triggers/secrets.ts";
import { functionNamed } from "./contents.ts";
import type { Affected, Damage } from "./damages.ts";

type Row = Readonly<Record<string, unknown>>;

/** Values that are sealed in one column. */
interface SealedColumn {
  readonly query: string;
  /** What the value is, in words. */
  what(row: Row): string;
  context(row: Row): string;
  affects(db: DatabaseSync, row: Row): readonly Affected[];
}

const ofFunction = (db: DatabaseSync, row: Row) => [functionNamed(db, `${row["function_id"]}`)];
const ofTrigger = (db: DatabaseSync, row: Row): Affected[] => [
  functionNamed(db, `${row["function_id"]}`),
  { type: "trigger", id: `${row["id"]}` },
];
const trigger = (column: string, what: string, context: (id: string) => string): SealedColumn => ({
  query: `SELECT id, function_id, ${column} AS sealed FROM triggers WHERE ${column} IS NOT NULL`,
  what: ({ id }) => `the ${what} of trigger ${id}`,
  context: ({ id }) => context(`${id}`),
  affects: ofTrigger,
});

const COLUMNS: readonly SealedColumn[] = [
  {
    query: "SELECT id, purpose, sealed FROM server_keys",
    what: ({ id, purpose }) => `server key ${id} (${purpose})`,
    context: ({ id, purpose }) => serverKeyContext({ id: `${id}`, purpose: `${purpose}` }),
    affects: () => [{ type: "server", id: "" }],
  },
  {
    query: "SELECT function_id, name, sealed FROM function_secrets",
    what: (row) => `secret ${row["name"]} of function ${row["function_id"]}`,
    context: (row) => secretContext(`${row["function_id"]}`, `${row["name"]}`),
    affects: ofFunction,
  },
  {
    query: "SELECT function_id, event, sealed FROM destination_secrets",
    what: (row) => `the secret of destination ${row["event"]} of function ${row["function_id"]}`,
    context: (row) => destinationSecretContext(`${row["function_id"]}`, `${row["event"]}`),
    affects: ofFunction,
  },
  trigger("sealed_secret", "secret", triggerSecretContext),
  trigger("sealed_old_secret", "earlier secret", triggerSecretContext),
  trigger("sealed_verify_token", "verify token", verifyTokenContext),
  {
    query: "SELECT id, tenant_id, sealed_secret AS sealed FROM tenant_credentials",
    what: ({ id, tenant_id }) => `the secret of credential ${id} of tenant ${tenant_id}`,
    context: ({ id, tenant_id }) => tenantSecretContext(`${tenant_id}`, `${id}`),
    affects: (_db, { tenant_id }) => [{ type: "tenant", id: `${tenant_id}` }],
  },
  {
    query: "SELECT session_id, sealed_tokens AS sealed FROM session_confirmations",
    what: (row) => `the provider's tokens of session ${row["session_id"]}`,
    context: (row) => providerTokensContext(`${row["session_id"]}`),
    affects: () => [],
  },
];

/** Opens every sealed value. */
export function* sealedDamages(
  db: DatabaseSync,
  sealer: Sealer,
  counts: { sealedValues: number },
): Generator<Damage> {
  for (const { query, what, context, affects } of COLUMNS) {
    for (const row of db.prepare(query).iterate()) {
      counts.sealedValues++;
      const { sealed } = row;
      try {
        const bytes = sealed instanceof Uint8Array ? sealed : new Uint8Array();
        sealer.open(bytes, context(row));
      } catch (error) {
        if (!(error instanceof SealingError)) throw error;
        yield {
          kind: "sealed value",
          message: `${what(row)} cannot be opened: ${error.message}`,
          affects: affects(db, row),
        };
      }
    }
  }
}
