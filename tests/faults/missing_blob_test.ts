/** Blobs that are missing or damaged in the data directory. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { digestOf } from "../../src/store/blobs/commit_blobs.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, ok } from "../support/expect.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { Driver } from "../volumes/driver.ts";
import { noise, Volume } from "../volumes/support.ts";

const SIZE = 100_000;
const LOST_MAIN = "export default () => 'lost';\n";

/** `ab/cdef...`, the file of a content below a directory of blobs. */
function fileOf(content: Uint8Array): string {
  const digest = digestOf(content);
  return `${digest.slice(0, 2)}/${digest.slice(2)}`;
}

/** The file of the script of a commit whose source contains a text. */
async function scriptFileOf(dataDir: string, text: string): Promise<string> {
  const root = join(dataDir, "commit-blobs");
  for await (const { name: folder } of Deno.readDir(root)) {
    for await (const { name } of Deno.readDir(join(root, folder))) {
      const content = await Deno.readTextFile(join(root, folder, name));
      const isScript = content !== LOST_MAIN && !content.startsWith("{");
      if (isScript && content.includes(text)) return `${folder}/${name}`;
    }
  }
  throw new Error(`No script contains ${text}`);
}

Deno.test("a missing or damaged blob is found at the start, and answered with 500 and its path", async (t) => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  const [gone, short, whole] = [noise(SIZE, 1), noise(SIZE, 2), noise(SIZE, 3)];
  const flipped = noise(SIZE, 4);
  const main = new TextEncoder().encode(LOST_MAIN);
  let [volumeId, functionId, secretId] = ["", "", ""];
  let driver: Driver;
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    driver = await Driver.deploy(client);
    functionId = await client.deploy(LOST_MAIN);
    const volume = await Volume.create(client);
    volumeId = volume.id;
    for (const [path, content] of Object.entries({ "a/gone": gone, short, whole, flipped })) {
      assert.equal((await volume.put(path, content)).status, 201);
    }
    assert.equal((await volume.put("small", "a small file")).status, 201);
    secretId = await client.deploy("export default () => ({});");
    const change = { id: secretId, secret: { TOKEN: "a secret value" } };
    const updateMask = "secret";
    ok(await client.post("/api/v1/functions/update", { function: change, updateMask }));
    await server.stop();
  }
  changeRows(join(dataDir, "invoked.db"));
  await Deno.remove(join(dataDir, "volume-blobs", fileOf(gone)));
  await Deno.truncate(join(dataDir, "volume-blobs", fileOf(short)), SIZE - 1);
  await Deno.writeFile(join(dataDir, "volume-blobs", fileOf(flipped)), noise(SIZE, 5));
  const script = await scriptFileOf(dataDir, "lost");
  await Deno.writeTextFile(join(dataDir, "commit-blobs", script), "async () => 'another'");
  await Deno.remove(join(dataDir, "commit-blobs", fileOf(main)));

  const faults = {
    gone: `blob volume-blobs/${fileOf(gone)} is missing`,
    short: `blob volume-blobs/${fileOf(short)} has 99,999 bytes instead of 100,000`,
    script: `blob commit-blobs/${script} was changed`,
    flipped: `blob volume-blobs/${fileOf(flipped)} was changed`,
    main: `blob commit-blobs/${fileOf(main)} is missing`,
  };
  const logFile = join(dataDir, "server.log");
  await using server = await TestServer.start({
    dataDir,
    launcher: ["sh", "-c", 'exec "$@" 2>"$LOG"', "sh"],
    env: { LOG: logFile },
  });
  await eventually(async () => {
    const log = await Deno.readTextFile(logFile);
    return [faults.gone, faults.short, faults.main].every((fault) =>
      new RegExp(`Failed to read [^:]*: ${fault}; restore it from a backup`).test(log)
    ) || undefined;
  }, "a line in the log for each missing blob");
  const client = await server.client();
  const volume = new Volume(client, volumeId);
  const readFault = (path: string, fault: string) => ({
    message: new RegExp(`^Failed to read "${path}" of volume ${volumeId}: ${fault}$`),
  });
  const expectLoss = async (path: string, expected: { readonly message: RegExp }) =>
    assertError(await client.get(path), "BLOB_MISSING", expected);
  await expectLoss(volume.file("a/gone"), readFault("/a/gone", faults.gone));
  await expectLoss(volume.file("short"), readFault("/short", faults.short));
  await expectLoss(`${volume.path}/archive`, readFault("/a/gone", faults.gone));
  assert.deepEqual(await volume.bytes(volume.file("whole")), whole);
  await expectLoss(volume.file("flipped"), readFault("/flipped", faults.flipped));
  const part = await client.get(volume.file("flipped"), { range: "bytes=0-9" });
  assertError(part, "BLOB_MISSING", readFault("/flipped", faults.flipped));
  await expectLoss(`/api/v1/functions/${functionId}/commits/HEAD`, {
    message: new RegExp(`${faults.main}$`),
  });

  const { body } = await client.invoke(functionId);
  const { error } = await client.invocation(functionId, body.invocationId);
  assert.equal(error, `INTERRUPTED: it could not run: ${faults.script}`);
  const { results } = await driver.at(client).run(volumeId, ["readFile", "/a/gone"]);
  assert.match(JSON.stringify(results), new RegExp(faults.gone));

  const ready = await client.get("/readyz");
  assert.equal(ready.status, 200, "one blob concerns one file");
  assert.deepEqual([...ready.body.damaged].sort(), Object.values(faults).sort());
  const doctor = await runInvoked(["doctor", "--data", dataDir]);
  assert.equal(doctor.code, 3);
  assert.match(
    doctor.stderr,
    /^error: The verdict is broken: \d+ damages in .*; restore from a backup/,
  );
  const [, data = ""] = /^Data\n([^]*?)\n\n/m.exec(doctor.stdout) ?? [];
  const unreadable = { ...faults, short: `blob volume-blobs/${fileOf(short)} was changed` };
  const lines = Object.values(unreadable).map((fault) => `  ${fault}`);
  assert.deepEqual(data.split("\n").sort(), lines.sort());

  // The same content again restores it.
  assert.equal((await volume.put("again", gone)).status, 201);
  assert.deepEqual(await volume.bytes(volume.file("a/gone")), gone);
  assert.equal((await volume.put("short", short)).status, 204);
  assert.deepEqual(await volume.bytes(volume.file("short")), short);
  const { damaged } = (await client.get("/readyz")).body;
  assert.ok(!damaged.includes(faults.gone) && !damaged.includes(faults.short), `${damaged}`);

  await t.step(
    "a sealed secret and a small file that were changed are named, and run nothing",
    async () => {
      const message =
        /^Failed to read "\/small" of volume \w+: blob small_contents\/.* was changed$/;
      await expectLoss(volume.file("small"), { message });
      const { body } = await client.invoke(secretId);
      const { error } = await client.invocation(secretId, body.invocationId);
      assert.match(
        error,
        /^INTERRUPTED: it could not run: secret:.* was not decrypted: it was changed, or /,
      );
      const ready = await client.get("/readyz");
      assert.equal(ready.status, 200);
      assert.match(ready.body.damaged.join("\n"), /^blob small_contents[^]*\nsecret:/m);
    },
  );
});

/** Changes a sealed secret, and the content of a small file. */
function changeRows(database: string): void {
  using db = new DatabaseSync(database);
  const row = db.prepare("SELECT sealed FROM function_secrets").get();
  const sealed = new Uint8Array(row?.sealed as Uint8Array);
  sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
  db.prepare("UPDATE function_secrets SET sealed = ?").run(sealed);
  db.exec("UPDATE small_contents SET content = CAST('another file' AS BLOB)");
}

const MARK = "a line on the page that is damaged";

Deno.test("a damaged page of the database answers DATA_DAMAGED, and is named", async () => {
  await using directory = await makeTempDir();
  const dataDir = directory.path;
  let functionId = "";
  let silentId = "";
  let invocationId = "";
  {
    await using server = await TestServer.start({ dataDir });
    const client = await server.client();
    functionId = await client.deploy(
      `export default () => { for (let n = 0; n < 200; n++) console.log("${MARK}"); return {}; };`,
    );
    silentId = await client.deploy("export default () => ({});");
    invocationId = (await client.invoke(functionId)).body.invocationId;
    await server.stop();
  }
  const whole = await runInvoked(["doctor", "--json", "--data", dataDir]);
  const { data, isolation } = JSON.parse(whole.stdout);
  if (Deno.uid() === 0) await checkOthersDirectory(dataDir);
  assert.deepEqual([data.damaged, data.obstacles], [[], []], whole.stdout);
  assert.ok(isolation.builds.isTried && isolation.builds.available, "a function was built");
  await damagePages(join(dataDir, "invoked.db"), MARK);

  await using server = await TestServer.start({ dataDir });
  const client = await server.client();
  const logs = `/api/v1/functions/${functionId}/invocations/${invocationId}/logs`;
  const message = /^Request failed: the database is damaged: .*; restore it from a backup$/;
  assertError(await client.get(logs), "DATA_DAMAGED", message);
  assert.equal((await client.invoke(silentId)).status, 200, "what is on other pages goes on");
  const ready = await client.get("/readyz");
  assert.equal(ready.status, 503);
  assert.match(ready.body.reason, /^the database is damaged: /);
  const doctor = await runInvoked(["doctor", "--json", "--data", dataDir]);
  assert.equal(doctor.code, 3);
  assert.match(JSON.parse(doctor.stdout).data.damaged[0], /^the database is damaged: /);
});

/** Root diagnoses the directory of a service's user, and leaves nothing that the user cannot use. */
async function checkOthersDirectory(dataDir: string): Promise<void> {
  const chown = (user: string) =>
    new Deno.Command("chown", { args: ["-R", user, dataDir] }).output();
  await chown("65534");
  const doctor = await runInvoked(["doctor", "--json", "--data", dataDir]);
  const { isolation: { builds }, data } = JSON.parse(doctor.stdout);
  assert.ok(builds.isTried && builds.available, builds.detail);
  assert.deepEqual(data.obstacles, []);
  const find = new Deno.Command("find", { args: [dataDir, "!", "-uid", "65534"] });
  assert.equal(new TextDecoder().decode((await find.output()).stdout), "");
  await chown("0");
}

const PAGE_BYTES = 4096;

/** Overwrites the heads of the pages, but for the first, that contain a text often: those of its table. */
async function damagePages(database: string, text: string): Promise<void> {
  const bytes = await Deno.readFile(database);
  const content = new TextDecoder("latin1").decode(bytes);
  let damaged = 0;
  for (let at = PAGE_BYTES; at < bytes.length; at += PAGE_BYTES) {
    const page = content.slice(at, at + PAGE_BYTES);
    if (page.split(text).length < 10) continue;
    bytes.fill(0xff, at, at + 8);
    damaged++;
  }
  assert.ok(damaged > 0, "a page with log lines");
  await Deno.writeFile(database, bytes);
}
