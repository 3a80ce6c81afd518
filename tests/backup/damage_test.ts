/** What `invoked verify` finds, and to what it belongs. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { takeMigrationsBack } from "../support/taken_back.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { copyOf, fileOf, LARGE, type UsedData, usedData } from "./used_data.ts";

/** A damage that is done to a copy, and what must be found. */
interface Case {
  damage(path: string, data: UsedData): void | Promise<void>;
  readonly kind: string;
  readonly message: RegExp;
  /** The types and ids that the damage affects. */
  affects?(data: UsedData): readonly string[];
}

function inDatabase(statement: string, ...values: readonly (string | Uint8Array)[]) {
  return (path: string) => {
    using db = new DatabaseSync(join(path, "invoked.db"), { enableForeignKeyConstraints: false });
    db.prepare(statement).run(...values);
  };
}

const LARGE_FILE = fileOf(LARGE);

/** The file of the script of the function's commit. */
function scriptOf(path: string, { functionId }: UsedData): string {
  using db = new DatabaseSync(join(path, "invoked.db"), { readOnly: true });
  const row = db.prepare("SELECT script_digest AS digest FROM commits WHERE function_id = ?")
    .get(functionId);
  const digest = `${row?.["digest"]}`;
  return join(path, "commit-blobs", digest.slice(0, 2), digest.slice(2));
}

async function flip(file: string, at = 10): Promise<void> {
  const bytes = await Deno.readFile(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await Deno.writeFile(file, bytes);
}

const ofVolume = ({ volumeId }: UsedData) => [`volume ${volumeId}`];
const ofFunction = ({ functionId }: UsedData) => [`function ${functionId}`];
const ofTrigger = (data: UsedData) => [...ofFunction(data), `trigger ${data.triggerId}`];
const UNKNOWN = "2".repeat(27);

const CASES: Readonly<Record<string, Case>> = {
  "a flipped bit in a file of a volume": {
    damage: (path) => flip(join(path, LARGE_FILE)),
    kind: "content",
    message: /^blob volume-blobs\/\S+ was changed$/,
    affects: ofVolume,
  },
  "a missing file of a volume": {
    damage: (path) => Deno.remove(join(path, LARGE_FILE)),
    kind: "content",
    message: /^blob volume-blobs\/\S+ is missing$/,
    affects: ofVolume,
  },
  "a cut file of a volume": {
    damage: (path) => Deno.truncate(join(path, LARGE_FILE), 100),
    kind: "content",
    message: /has 100 bytes instead of 70,000$/,
    affects: ofVolume,
  },
  "a link instead of a file": {
    damage: async (path) => {
      await Deno.rename(join(path, LARGE_FILE), join(path, "elsewhere"));
      await Deno.symlink(join(path, "elsewhere"), join(path, LARGE_FILE));
    },
    kind: "content",
    message: /is not a regular file$/,
    affects: ofVolume,
  },
  "a flipped bit in a script": {
    damage: (path, data) => flip(scriptOf(path, data)),
    kind: "content",
    message: /^blob commit-blobs\/\S+ was changed$/,
    affects: ofFunction,
  },
  "a missing script": {
    damage: (path, data) => Deno.remove(scriptOf(path, data)),
    kind: "content",
    message: /^blob commit-blobs\/\S+ is missing$/,
    affects: ofFunction,
  },
  "a cut script": {
    damage: (path, data) => Deno.truncate(scriptOf(path, data), 3),
    kind: "content",
    message: /^blob commit-blobs\/\S+ was changed$/,
    affects: ofFunction,
  },
  "a changed small file": {
    damage: inDatabase("UPDATE small_contents SET content = ?", randomBytes(12)),
    kind: "content",
    message: /^blob small_contents\/\S+ was changed$/,
    affects: ofVolume,
  },
  "a missing small file": {
    damage: inDatabase("DELETE FROM small_contents"),
    kind: "content",
    message: /^blob volume-blobs\/\S+ is missing$/,
    affects: ofVolume,
  },
  "a missing commit": {
    damage: inDatabase("UPDATE functions SET head = ?", UNKNOWN),
    kind: "reference",
    message: /^table commits lacks the row 2+ that column head of table functions names$/,
    affects: ofFunction,
  },
  "a missing invocation": {
    damage: inDatabase(
      "INSERT INTO invocation_logs (invocation_id, sequence, time, level, source, message) VALUES (?, 1, '', 'info', 'c', '')",
      UNKNOWN,
    ),
    kind: "reference",
    message:
      /^table invocations lacks the row 2+ that column invocation_id of table invocation_logs/,
    affects: () => [`invocation ${UNKNOWN}`],
  },
  "a missing volume": {
    damage: inDatabase("DELETE FROM volumes"),
    kind: "reference",
    message: /^table volumes lacks the row \S+ that column volume_id of table volume_/,
    affects: ofVolume,
  },
  "a changed secret of a function": {
    damage: inDatabase("UPDATE function_secrets SET sealed = ?", randomBytes(60)),
    kind: "sealed value",
    message: /^secret TOKEN of function \S+ cannot be opened: /,
    affects: ofFunction,
  },
  "a secret of another function": {
    damage: inDatabase("UPDATE function_secrets SET name = 'OTHER'"),
    kind: "sealed value",
    message: /^secret OTHER of function \S+ cannot be opened: .* for another context$/,
    affects: ofFunction,
  },
  "a changed secret of a trigger": {
    damage: inDatabase("UPDATE triggers SET sealed_secret = substr(sealed_secret, 1, 40)"),
    kind: "sealed value",
    message: /^the secret of trigger \S+ cannot be opened: /,
    affects: ofTrigger,
  },
  "a changed server key": {
    damage: inDatabase("UPDATE server_keys SET id = 'other' WHERE purpose = 'page-token'"),
    kind: "sealed value",
    message: /^server key other \(page-token\) cannot be opened: /,
    affects: () => ["server "],
  },
  "another master key": {
    damage: (path) =>
      Deno.writeTextFile(join(path, "master.key"), `${randomBytes(32).toString("base64")}\n`),
    kind: "sealed value",
    message: /was sealed under master key [0-9a-f]{16}, and the one in use is [0-9a-f]{16}$/,
  },
  "a missing master key": {
    damage: (path) => Deno.remove(join(path, "master.key")),
    kind: "file",
    message: /^the master key \S.*master\.key is missing: no sealed value can be opened$/,
    affects: () => ["server "],
  },
  "a damaged master key": {
    damage: (path) => Deno.writeTextFile(join(path, "master.key"), "no key\n"),
    kind: "file",
    message: /^Invalid master key .*: each line must be 32 bytes in base64$/,
    affects: () => ["server "],
  },
  "a missing database": {
    damage: (path) => Deno.remove(join(path, "invoked.db")),
    kind: "file",
    message: /is incomplete: .*invoked\.db is missing, and .* shows that the directory was in use$/,
    affects: () => ["server "],
  },
  "a cut database": {
    damage: (path) => Deno.truncate(join(path, "invoked.db"), 40_960),
    kind: "database",
    message: /^the database is damaged: /,
  },
  "an overwritten page of the database": {
    damage: async (path) => {
      using file = await Deno.open(join(path, "invoked.db"), { read: true, write: true });
      await file.seek(4096 * 20, Deno.SeekMode.Start);
      await file.write(new Uint8Array(4096).fill(0xa5));
    },
    kind: "database",
    message: /^the database is damaged: /,
  },
  "a changed event of the audit log": {
    damage: inDatabase("UPDATE audit_events SET event = event || ' ' WHERE seq = 2"),
    kind: "audit log",
    message: /^event \S+, number \d+, is (?:changed|missing|reordered): /,
  },
  "a missing event of the audit log": {
    damage: inDatabase("DELETE FROM audit_events WHERE seq = 2"),
    kind: "audit log",
    message: /is missing: it was removed/,
  },
};

Deno.test("verify names each kind of damage, and what is lost with it", async (t) => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  const verify = (path: string, ...flags: readonly string[]) =>
    runInvoked(["verify", "--data", path, ...flags]);
  await t.step("whole data has no damage", async () => {
    const { code, stdout, stderr } = await verify(data.path);
    assert.equal(code, 0, stdout + stderr);
    assert.match(
      stdout,
      /is whole: the database, \d+ contents with .*, \d+ sealed values and \d+ events/,
    );
  });
  let count = 0;
  for (const [name, { damage, kind, message, affects }] of Object.entries(CASES)) {
    await t.step(name, async () => {
      const path = await copyOf(data, join(directory.path, `copy-${++count}`));
      await damage(path, data);
      const { code, stdout, stderr } = await verify(path, "--json");
      assert.equal(code, 3, `${stdout}${stderr}`);
      const { damages } = JSON.parse(stdout);
      type Found = typeof damages[number];
      const found = damages.filter((each: Found) =>
        each.kind === kind && message.test(each.message)
      );
      assert.ok(found.length > 0, stdout);
      const named = found.flatMap(({ affects }: Found) => affects)
        .map(({ type, id }: { type: string; id: string }) => `${type} ${id}`);
      for (const expected of affects?.(data) ?? []) assert.ok(named.includes(expected), stdout);
      const text = await verify(path);
      assert.equal(text.code, 3);
      assert.match(text.stdout, new RegExp(`^${kind}: `, "m"));
      await Deno.remove(path, { recursive: true });
    });
  }
  await t.step("a configuration file that needs further flags of the server suffices", async () => {
    const config = join(directory.path, "invoked-server.toml");
    const tables = `[server]\ndata = "${data.path}"\n[tls]\ntls-cert = "/tls/cert.pem"\n`;
    await Deno.writeTextFile(config, tables);
    const archive = join(directory.path, "by-file.tar");
    const restored = join(directory.path, "by-file");
    const commands = [["verify"], ["backup", archive, "--with-keys"], [
      "restore",
      archive,
      "--data",
      restored,
    ]];
    for (const args of commands) {
      const { code, stdout, stderr } = await runInvoked([...args, "--config", config]);
      assert.equal(code, 0, `${args[0]}: ${stdout}${stderr}`);
    }
    await Deno.writeTextFile(config, `${tables}[database]\ndatabase = "none"\n`);
    const invalid = await runInvoked(["verify", "--config", config]);
    assert.match(invalid.stderr, /^error: Invalid .*database.*does not begin with postgres:/m);
  });
  await t.step(
    "the data of an earlier version is verified in a copy that is migrated",
    async () => {
      const path = await copyOf(data, join(directory.path, "earlier"));
      const file = join(path, "invoked.db");
      takeMigrationsBack(file, "034_federation");
      const before = await Deno.readFile(file);
      const { code, stdout, stderr } = await verify(path);
      assert.equal(code, 0, stdout + stderr);
      assert.deepEqual(await Deno.readFile(file), before, "the original is not migrated");
      const online = await verify(path, "--online");
      assert.equal(online.code, 1, online.stdout);
      assert.match(
        online.stderr,
        /was written by an earlier version of invoked: its last migration is 033_/,
      );
      await flip(join(path, LARGE_FILE));
      const damaged = await verify(path);
      assert.equal(damaged.code, 3, damaged.stderr);
      assert.match(damaged.stdout, /^content: blob volume-blobs\S+ was changed$/m);
    },
  );
  await t.step("a directory without data, and one in use, are errors", async () => {
    const empty = await verify(join(directory.path, "none"));
    assert.equal(empty.code, 1);
    assert.match(empty.stderr, /no server has used data directory/);
    const locked = await copyOf(data, join(directory.path, "locked"));
    using lock = await Deno.open(join(locked, "lock"), { create: true, write: true });
    await lock.lock(true);
    const busy = await verify(locked);
    assert.equal(busy.code, 1);
    assert.match(
      busy.stderr,
      /is in use by another server; verify beside the server with --online/,
    );
    assert.equal((await verify(locked, "--online")).code, 0);
  });
});
