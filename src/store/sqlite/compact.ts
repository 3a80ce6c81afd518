import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { exists, ifExists, syncDirectory } from "../../shared/files.ts";
import { logOf } from "./checkpointer.ts";
import { RECLAIMING } from "./free_pages.ts";

/** The size of a database before and after. */
export interface Compaction {
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** The new file until it replaces the database. */
const COPY = "-compact";

/** About the size of the compacted database, in bytes. */
export function sizeOfCopy(file: string): number {
  using db = new DatabaseSync(file);
  const number = (pragma: string) =>
    Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
  return (number("page_count") - number("freelist_count")) * number("page_size");
}

/** Rewrites a database that no other process uses. */
export async function compactFile(file: string): Promise<Compaction> {
  const copy = file + COPY;
  // What a crash has left.
  await ifExists(Deno.remove(copy));
  (await Deno.open(copy, { createNew: true, write: true, mode: 0o600 })).close();
  try {
    const bytesBefore = await write(file, copy);
    await replace(file, copy);
    return { bytesBefore, bytesAfter: (await Deno.stat(file)).size };
  } catch (error) {
    await ifExists(Deno.remove(copy));
    throw error;
  }
}

/** Writes the copy durably, and checks it. @returns the size of the database with its log */
async function write(file: string, copy: string): Promise<number> {
  await vacuum(file, copy);
  const { size } = await Deno.stat(file);
  {
    using db = new DatabaseSync(copy);
    const [first] = db.prepare("PRAGMA quick_check(1)").all();
    if (first?.quick_check !== "ok") {
      throw new Error(`The copy of ${file} is damaged: ${first?.quick_check}`);
    }
  }
  using written = await Deno.open(copy, { read: true, write: true });
  await written.sync();
  return size;
}

/** The log is in the database before the copy replaces the database, because a log belongs to one file. */
const VACUUM = `import { DatabaseSync } from "node:sqlite";
try {
  const [file, copy, setting] = Deno.args;
  const db = new DatabaseSync(file);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db.exec("PRAGMA " + setting);
  db.prepare("VACUUM INTO ?").run(copy);
  db.close();
} catch (error) {
  console.error(String(error.message));
  Deno.exit(1);
}`;

/** Runs in a process of its own: Deno lets SQLite attach a file, as a VACUUM does, with all permissions alone. */
async function vacuum(file: string, copy: string): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--no-lock", "--allow-all", "--ext=js", "-"]
      .concat(file, copy, RECLAIMING),
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(VACUUM));
  await writer.close();
  const { success, stderr } = await child.output();
  if (success) return;
  throw new Error(`The database was not compacted: ${new TextDecoder().decode(stderr).trim()}`);
}

async function replace(file: string, copy: string): Promise<void> {
  // A log beside the new file would be applied to it. The last connection has removed it, unless another has the file open.
  if (await exists(logOf(file))) {
    throw new Error(`The database was not compacted: another program has ${file} open`);
  }
  await Deno.rename(copy, file);
  await syncDirectory(dirname(file));
}
