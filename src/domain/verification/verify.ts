/** Verifies stored data as a whole: database, references, contents, sealed values, and the chain of the audit log. */
import { DatabaseSync } from "node:sqlite";
import { assertNotLater } from "../../store/sqlite/snapshot.ts";
import { isEarlier, migrateCopy } from "../../store/sqlite/migrate_copy.ts";
import { openReader } from "../../store/sqlite/reader.ts";
import { AuditReader } from "../../store/audit.ts";
import type { Sealer } from "../../store/sealing.ts";
import { AuditVerification } from "../audit/verify.ts";
import { contentDamages, type ContentReading } from "./contents.ts";
import type { Damage } from "./damages.ts";
import { pageDamages, referenceDamages } from "./rows.ts";
import { sealedDamages } from "./sealed.ts";

/** Damages that are reported by default, each once; a verification ends with the last of them. */
export const DAMAGES_MAX = 1_000;

/** What is verified. */
interface VerifiedParts extends ContentReading {
  /** A database of SQLite that nobody writes meanwhile. */
  readonly database: string;
  /** Undefined without a master key: sealed values are then not verified. */
  readonly sealer: Sealer | undefined;
  /** Damages that are reported; {@link DAMAGES_MAX} by default. */
  readonly damagesMax?: number;
}

/** The result of a verification. */
export interface DataVerification {
  readonly contents: number;
  /** Of the contents. */
  readonly bytes: number;
  readonly sealedValues: number;
  readonly auditEvents: number;
  readonly damages: readonly Damage[];
  /** Whether there may be further damages: a verification reports a limited number. */
  readonly isCut: boolean;
}

/** Verifies everything. Damage is reported, and never thrown. @throws DataDirError for a database of a later version */
export async function verifyData(parts: VerifiedParts): Promise<DataVerification> {
  const counts = { contents: 0, bytes: 0, sealedValues: 0, auditEvents: 0 };
  const found = await damagesOf(checksOf(parts, counts), parts.damagesMax);
  return { ...counts, ...found };
}

/**
 * As {@link verifyData}, of a copy that only this process uses: queries of this version do not suit the tables of an
 * earlier version, so a copy of an earlier version is migrated first, if its pages are whole.
 * @param name of the original in messages
 */
export async function verifyCopy(parts: VerifiedParts, name: string): Promise<DataVerification> {
  const { database } = parts;
  const { damages } = await damagesOf([async function* () {
    if (!isEarlier(database, name)) return;
    const damages = pagesOf(database);
    yield* damages;
    if (damages.length === 0) await migrateCopy(database, name);
  }]);
  if (damages.length === 0) return await verifyData(parts);
  return { contents: 0, bytes: 0, sealedValues: 0, auditEvents: 0, damages, isCut: true };
}

/** Collects what checks find, up to a number. Each check that reads a damaged page reports the page. */
async function damagesOf(
  checks: readonly Check[],
  max = DAMAGES_MAX,
): Promise<Pick<DataVerification, "damages" | "isCut">> {
  const found = new Map<string, Damage>();
  const add = (damage: Damage) => found.set(JSON.stringify(damage), damage);
  const isFull = () => found.size >= max;
  for (const check of checks) {
    try {
      for await (const damage of check()) {
        add(damage);
        if (isFull()) break;
      }
    } catch (error) {
      // Any error of SQLite: a database without the tables of its version is damaged, too.
      if (!(error instanceof Error) || !("errcode" in error)) throw error;
      const message = `the database is damaged: ${error.message}`;
      add({ kind: "database", message, affects: [] });
    }
    if (isFull()) break;
  }
  return { damages: [...found.values()], isCut: isFull() };
}

function pagesOf(database: string): Damage[] {
  using db = new DatabaseSync(database, { readOnly: true });
  return [...pageDamages(db)];
}

type Check = () => AsyncIterable<Damage> | Iterable<Damage>;

function checksOf(
  parts: VerifiedParts,
  counts: { contents: number; bytes: number; sealedValues: number; auditEvents: number },
): Check[] {
  const { database, sealer } = parts;
  const within = (check: (db: DatabaseSync) => AsyncIterable<Damage> | Iterable<Damage>): Check =>
    async function* () {
      using db = new DatabaseSync(database, { readOnly: true });
      yield* check(db);
    };
  return [
    within(pageDamages),
    within((db) => {
      assertNotLater(db, database);
      return referenceDamages(db);
    }),
    within((db) => contentDamages(db, parts, counts)),
    ...sealer === undefined ? [] : [within((db) => sealedDamages(db, sealer, counts))],
    () => auditDamages(database, counts),
  ];
}

async function* auditDamages(
  database: string,
  counts: { auditEvents: number },
): AsyncGenerator<Damage> {
  await using db = openReader(database);
  const audit = new AuditReader(db, db);
  const { events, findings } = await new AuditVerification({ read: { audit } })
    .run(undefined, new AbortController().signal);
  counts.auditEvents = events;
  for (const { kind, eventUid, sequence, description } of findings) {
    const event = eventUid === ""
      ? `event number ${sequence}`
      : `event ${eventUid}, number ${sequence},`;
    yield { kind: "audit log", message: `${event} is ${kind}: ${description}`, affects: [] };
  }
}
