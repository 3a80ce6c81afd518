/** Verifies stored data as a whole: database, references, contents, sealed values, and the chain of the audit log. */
import { DatabaseSync } from "node:sqlite";
import { assertNotLater } from "../../store/sqlite/snapshot.ts";
import { openReader } from "../../store/sqlite/reader.ts";
import { AuditReader } from "../../store/audit.ts";
import type { Sealer } from "../../store/sealing.ts";
import { AuditVerification } from "../audit/verify.ts";
import { contentDamages, type ContentReading } from "./contents.ts";
import type { Damage } from "./damages.ts";
import { pageDamages, referenceDamages } from "./rows.ts";
import { sealedDamages } from "./sealed.ts";

/** Damages that are reported; a verification ends with the last of them. */
const DAMAGES_MAX = 1_000;

/** What is verified. */
interface VerifiedParts extends ContentReading {
  /** A database of SQLite that nobody writes meanwhile. */
  readonly database: string;
  /** Undefined without a master key: sealed values are then not verified. */
  readonly sealer: Sealer | undefined;
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
  const damages: Damage[] = [];
  const isFull = () => damages.length >= DAMAGES_MAX;
  for (const check of checksOf(parts, counts)) {
    try {
      for await (const damage of check()) {
        damages.push(damage);
        if (isFull()) break;
      }
    } catch (error) {
      // Any error of SQLite: a database without its tables is damaged, too.
      if (!(error instanceof Error) || !("errcode" in error)) throw error;
      const message = `the database is damaged: ${error.message}`;
      damages.push({ kind: "database", message, affects: [] });
    }
    if (isFull()) break;
  }
  return { ...counts, damages: withoutRepetitions(damages), isCut: isFull() };
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

/** Damaged pages are found by each check that reads them. */
function withoutRepetitions(damages: readonly Damage[]): Damage[] {
  const seen = new Set<string>();
  return damages.filter((damage) => {
    const key = JSON.stringify(damage);
    return !seen.has(key) && seen.add(key);
  });
}
