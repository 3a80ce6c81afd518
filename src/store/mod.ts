import { CamelCasePlugin, Kysely, type Transaction } from "kysely";
import { join } from "node:path";
import { type CommitBlobs, DiskCommitBlobs } from "./blobs/commit_blobs.ts";
import { CommitReader, CommitWriter } from "./commits.ts";
import { VolumeBlobs } from "./blobs/volume_blobs.ts";
import type { Capabilities, Dialect } from "./dialect.ts";
import { FunctionReader, FunctionWriter } from "./functions.ts";
import { type Durability, GroupedWriter } from "./grouped_writer.ts";
import { IdentityReader, IdentityWriter } from "./identity.ts";
import { InvocationReader, InvocationWriter } from "./invocations.ts";
import { migrate } from "./migrations/mod.ts";
import type { Schema } from "./schema.ts";
import { sqliteDialect } from "./sqlite/dialect.ts";
import { VolumeReader, VolumeWriter } from "./volumes.ts";

/** Everything that can be read, one reader per aggregate. */
export interface Readers {
  readonly functions: FunctionReader;
  readonly commits: CommitReader;
  readonly invocations: InvocationReader;
  readonly identity: IdentityReader;
  readonly volumes: VolumeReader;
}

/** Everything that can be written; exists inside {@link Store.write} only. */
export interface Writers {
  readonly functions: FunctionWriter;
  readonly commits: CommitWriter;
  readonly invocations: InvocationWriter;
  readonly identity: IdentityWriter;
  readonly volumes: VolumeWriter;
}

/** The server's memory: tables and blobs. */
export interface Store extends AsyncDisposable {
  /** Reads see what was committed before they began. */
  readonly read: Readers;
  /** Scripts, source maps and files of commits. */
  readonly commitBlobs: CommitBlobs;
  /** Files of volumes. */
  readonly volumeBlobs: VolumeBlobs;
  /**
   * Runs the statements in a transaction and resolves once they are what `until` says, durable by default. What throws
   * is undone whole. Inside, only the given writers may be used: no reader, no blob, no other waiting.
   */
  write<T>(statements: (tx: Writers) => Promise<T>, until?: Durability): Promise<T>;
}

/** Opens the SQLite database, the blobs and the contents of a data directory, and brings the schema up to date. */
export async function openStore(dataDir: string): Promise<Store> {
  const blobDir = join(dataDir, "blobs");
  await Deno.mkdir(blobDir, { recursive: true, mode: 0o700 });
  const database = join(dataDir, "invoked.db");
  // SQLite makes its further files with the mode of this one.
  (await Deno.open(database, { create: true, write: true, mode: 0o600 })).close();
  return await open(
    sqliteDialect(database),
    new DiskCommitBlobs(blobDir),
    join(dataDir, "contents"),
  );
}

async function open(dialect: Dialect, blobs: CommitBlobs, contentDir: string): Promise<Store> {
  const plugins = [new CamelCasePlugin()];
  const writing = new Kysely<Schema>({ dialect: dialect.writer, plugins });
  await migrate(writing, dialect);
  const reading = new Kysely<Schema>({ dialect: dialect.reader, plugins });
  const grouped = new GroupedWriter(writing, () => dialect.sync());
  dialect.maintain((work) => grouped.betweenTransactions(work));
  const { capabilities } = dialect;
  const volumes = new VolumeReader(reading);
  return {
    read: {
      functions: new FunctionReader(reading, capabilities),
      commits: new CommitReader(reading),
      invocations: new InvocationReader(reading, capabilities),
      identity: new IdentityReader(reading),
      volumes,
    },
    commitBlobs: blobs,
    volumeBlobs: await VolumeBlobs.open(contentDir, volumes),
    write: (statements, until = "durable") =>
      grouped.write((tx) => statements(writers(tx, capabilities)), until),
    async [Symbol.asyncDispose]() {
      await grouped.settled();
      await dialect.close();
      await reading.destroy();
      await writing.destroy();
    },
  };
}

function writers(tx: Transaction<Schema>, capabilities: Capabilities): Writers {
  return {
    functions: new FunctionWriter(tx, capabilities),
    commits: new CommitWriter(tx),
    invocations: new InvocationWriter(tx, capabilities),
    identity: new IdentityWriter(tx),
    volumes: new VolumeWriter(tx),
  };
}
