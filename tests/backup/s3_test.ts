/** Backups in S3: they are whole or not there, restores check each byte, and nothing else in the bucket is harmed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { formatObjectStore, type S3Address } from "../../src/config/mod.ts";
import { S3Client } from "../../src/cluster/objects/s3/client.ts";
import { S3Files } from "../../src/cluster/objects/s3/files.ts";
import { PART_BYTES } from "../../src/cluster/objects/s3/upload.ts";
import { RemoteFolder } from "../../src/store/backup/remote_folder.ts";
import { RemoteTarget } from "../../src/store/backup/remote_target.ts";
import { makeTempDir, type Run, runInvoked } from "../support/invoked.ts";
import { openS3Node } from "../support/blob_stores.ts";
import { digestsIn, randomObject } from "../support/random_objects.ts";
import { reject, S3Front } from "../support/s3_front.ts";
import { S3_KEYS, S3_VARIABLES, sharedS3 } from "../support/s3.ts";
import { fileOf, LARGE, type UsedData, usedData } from "./used_data.ts";

const NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/;
const FUTURE = () => new Date(Date.now() + 60_000);

const keyOf = (data: UsedData) => ["--master-key-file", join(data.path, "master.key")];

async function pathsIn(address: S3Address): Promise<string[]> {
  const { objects } = await new S3Client(address, S3_KEYS).list(address.prefix);
  return objects.map(({ key }) => key.slice(address.prefix.length));
}

async function backupsIn(address: S3Address): Promise<string[]> {
  const names = (await pathsIn(address)).map((path) => path.split("/")[0] ?? "");
  return [...new Set(names)].filter((name) => NAME.test(name));
}

/** Runs commands with backups at an address. */
function commands(data: UsedData, address: S3Address) {
  const url = formatObjectStore(address);
  const key = keyOf(data);
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> =>
    runInvoked(args, { env: { ...S3_VARIABLES, ...env } });
  return {
    url,
    backUp: (...flags: readonly string[]) => run(["backup", url, "--data", data.path, ...flags]),
    verify: (...flags: readonly string[]) => run(["verify", url, ...key, ...flags]),
    restore: (to: string, ...flags: readonly string[]) =>
      run(["restore", url, "--data", to, ...key, ...flags]),
    run,
  };
}

Deno.test("backups in S3 share contents, and a restore brings everything back", async (t) => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  const s3 = await sharedS3();
  await using front = await S3Front.before(s3.port);
  const address = s3.address(front.port);
  const { url, backUp, verify, restore, run } = commands(data, address);
  const client = new S3Client(address, S3_KEYS);
  const at = (name: string) => join(directory.path, name);

  await t.step("a backup, and a second one that sends no content again", async () => {
    const first = await backUp("--json");
    assert.equal(first.code, 0, first.stderr);
    const report = JSON.parse(first.stdout);
    assert.ok(report.contents > 1 && report.newContents === report.contents);
    assert.match(report.path, /^s3:\/\/invoked-test\/[0-9a-f-]+\/\d{4}-[^/]*Z$/);
    const written: string[] = [];
    front.answer = (answer, method) => {
      if (method === "PUT") written.push(answer.req.url ?? "");
      return false;
    };
    const second = JSON.parse((await backUp("--json")).stdout);
    front.answer = () => false;
    assert.deepEqual([second.contents, second.newContents], [report.contents, 0]);
    assert.deepEqual(written.filter((path) => path.includes("-blobs/")), []);
    // The manifest makes it a backup.
    assert.match(written.at(-1) ?? "", /\/manifest\.json$/);
    assert.equal((await backupsIn(address)).length, 2);
  });

  await t.step("a restore of the newest and of a chosen one", async () => {
    const [first = "", second = ""] = await backupsIn(address);
    const restored = await restore(at("newest"), "--json");
    assert.equal(restored.code, 0, restored.stderr);
    assert.ok(JSON.parse(restored.stdout).backup.endsWith(`/${second}`));
    assert.deepEqual(
      new Uint8Array(await Deno.readFile(join(at("newest"), fileOf(LARGE)))),
      LARGE,
    );
    const verified = await run(["verify", "--data", at("newest"), ...keyOf(data)]);
    assert.equal(verified.code, 0, verified.stdout);
    const chosen = await restore(at("chosen"), "--backup", first);
    assert.equal(chosen.code, 0, chosen.stderr);
    assert.ok(chosen.stdout.includes(`/${first} of `), chosen.stdout);
    const absent = await restore(at("absent"), "--backup", "2020-01-01T00-00-00.000Z");
    assert.match(absent.stderr, /has no backup "2020-.*"\nnext: its newest is /);
  });

  await t.step("a key with a session token", async () => {
    let tokens = 0;
    front.answer = ({ req }) => {
      if (req.headers["x-amz-security-token"] === "token") tokens++;
      return false;
    };
    const { code, stderr } = await run(["verify", url, ...keyOf(data)], {
      AWS_SESSION_TOKEN: "token",
    });
    front.answer = () => false;
    assert.equal(code, 0, stderr);
    assert.ok(tokens > 3);
  });

  await t.step("a changed content and a lost one are found, and never restored", async () => {
    const key = address.prefix + fileOf(LARGE);
    const content = Uint8Array.from(await client.get(key));
    await client.put(key, content.map((byte, at) => at === 9 ? byte ^ 1 : byte));
    for (const { code, stderr } of [await verify(), await restore(at("changed"))]) {
      assert.equal(code, 1);
      assert.match(stderr, /volume-blobs\/\S+ was changed: it has another digest/);
    }
    await client.delete(key);
    const lost = await restore(at("lost"));
    assert.match(lost.stderr, /file volume-blobs\/\S+ is missing/);
    // The next backup sends what the bucket lacks, and replaces what has another size.
    assert.equal(JSON.parse((await backUp("--json")).stdout).newContents, 1);
    await client.put(key, content.slice(1));
    assert.equal(JSON.parse((await backUp("--json")).stdout).replacedContents, 1);
    assert.equal((await verify()).code, 0);
  });
});

Deno.test("whatever ends a backup into S3, nothing half written counts as one", async (t) => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  const s3 = await sharedS3();
  await using front = await S3Front.before(s3.port);
  const address = s3.address(front.port);
  const { backUp, restore } = commands(data, address);
  const isManifest = (method: string, url = "") =>
    method === "PUT" && url.endsWith("/manifest.json");

  await t.step("S3 is full at the manifest", async () => {
    front.answer = (answer, method) =>
      isManifest(method, answer.req.url) && reject(answer, 507, "InsufficientStorage");
    const { code, stderr } = await backUp();
    assert.equal(code, 1);
    assert.match(stderr, /Object store s3:\S+ is not usable: S3 answered 507 InsufficientStorage/);
    assert.deepEqual(await backupsIn(address), [], "its own files are removed");
    front.answer = () => false;
  });
  await t.step("S3 ends at the manifest", async () => {
    let isAway = false;
    front.answer = (answer, method) => {
      isAway ||= isManifest(method, answer.req.url);
      return isAway && reject(answer, 403, "InvalidAccessKeyId");
    };
    const { code, stderr } = await backUp();
    assert.equal(code, 1);
    assert.match(stderr, /S3 rejects the credentials/);
    front.answer = () => false;
    const [left = ""] = await backupsIn(address);
    assert.match(left, NAME);
    const { stderr: none } = await restore(join(directory.path, "none"));
    assert.match(none, /has no backup\nnext: name the URL of invoked backup/);
    const whole = await backUp("--json");
    assert.equal(whole.code, 0, whole.stderr);
    assert.deepEqual((await backupsIn(address)).length, 2, "a young one may be under way");
    const files = await S3Files.toWrite(address, S3_KEYS);
    await using _ = await RemoteTarget.open(files, directory.path, FUTURE());
    const [kept = ""] = await backupsIn(address);
    assert.deepEqual(await backupsIn(address), [kept]);
    assert.ok(JSON.parse(whole.stdout).path.endsWith(`/${kept}`));
  });
  await t.step("a file that is removed before the manifest", async () => {
    const files = await S3Files.toWrite(address, S3_KEYS);
    await using target = await RemoteTarget.open(files, directory.path);
    const createdAt = new Date().toISOString();
    await target.assertName(createdAt);
    const size = 3;
    const content = async function* () {
      yield new Uint8Array(size);
    };
    for (const path of ["SHA256SUMS", "invoked.db", "manifest.json"]) {
      await target.add({ path, size, content });
    }
    await files.delete(`${createdAt.replaceAll(":", "-")}/SHA256SUMS`);
    await assert.rejects(target.finish(createdAt), /SHA256SUMS was removed or replaced while/);
  });
  await t.step("a clock that was set back", async () => {
    const later = `${address.prefix}2999-01-01T00-00-00.000Z/manifest.json`;
    await new S3Client(address, S3_KEYS).put(later, new Uint8Array(1));
    const { code, stderr } = await backUp();
    assert.equal(code, 1);
    assert.match(stderr, /has backup 2999-\S+, so \S+ would not be its newest/);
  });
});

Deno.test("a bucket keeps the newest backups, and no content without a backup", async (t) => {
  await using data = await usedData();
  await using directory = await makeTempDir();
  const s3 = await sharedS3();
  const address = s3.address();
  const { backUp, verify, restore } = commands(data, address);
  const client = new S3Client(address, S3_KEYS);
  const keyOfFile = (path: string) => address.prefix + path;
  for (let count = 0; count < 3; count++) assert.equal((await backUp()).code, 0);
  const orphan = `volume-blobs/00/${"0".repeat(62)}`;
  const others = ["thesis.txt", "volume-blobs/thesis.txt", "2020/thesis.txt"];
  for (const path of [orphan, ...others]) await client.put(keyOfFile(path), new Uint8Array(3));

  await t.step("a backup with --keep removes older ones and their contents", async () => {
    const before = await backupsIn(address);
    const { code, stdout, stderr } = await backUp("--keep", "2", "--json");
    assert.equal(code, 0, stderr);
    const { expired, path } = JSON.parse(stdout);
    assert.deepEqual(expired, {
      backups: before.slice(0, 2).toReversed(),
      contents: 1,
      bytes: 3,
    });
    const left = await backupsIn(address);
    assert.deepEqual(left, [before[2], path.split("/").at(-1)]);
    const paths = await pathsIn(address);
    for (const other of others) assert.ok(paths.includes(other), other);
    assert.ok(!paths.includes(orphan));
    assert.deepEqual(paths.filter((each) => each.startsWith(".invoked-")), []);
    for (const name of left) assert.equal((await verify("--backup", name)).code, 0);
    assert.equal((await restore(join(directory.path, "restored"))).code, 0);
  });
  await t.step("no contents are removed while another backup relies on them", async () => {
    const files = await S3Files.toWrite(address, S3_KEYS);
    {
      await using _other = await RemoteTarget.open(files, directory.path);
      const { code, stderr } = await backUp("--keep", "1");
      assert.equal(code, 1);
      assert.match(
        stderr,
        /Backup s3:\S+ is complete, but --keep failed: Another process writes a backup into s3:/,
      );
      assert.equal((await backupsIn(address)).length, 3);
    }
    await using target = await RemoteTarget.open(files, directory.path);
    await using _folder = await RemoteFolder.open(files, target.marker);
    const { code, stderr } = await backUp();
    assert.equal(code, 1);
    assert.match(stderr, /Another process removes old backups from s3:\S+ now, or was killed/);
  });
  await t.step("a damaged list of a backup that stays keeps everything", async () => {
    const names = await backupsIn(address);
    const list = `${names.at(-1)}/SHA256SUMS`;
    await client.put(keyOfFile(list), new Uint8Array(3));
    const { code, stderr } = await backUp("--keep", "2");
    assert.equal(code, 1);
    assert.match(stderr, /--keep failed: No older backup was removed: .*SHA256SUMS was changed/);
    assert.equal((await backupsIn(address)).length, names.length + 1);
  });
});

Deno.test("a backup rejects a bucket that it cannot use, and what is no backup stays", async () => {
  await using data = await usedData();
  const s3 = await sharedS3();
  const address = s3.address();
  const { run } = commands(data, address);
  const fails = async (url: string, error: RegExp, exit = 1, env = {}, ...flags: string[]) => {
    const args = ["backup", url, "--data", data.path, ...flags];
    const { code, stderr } = await run(args, env);
    assert.match(stderr, error);
    assert.equal(code, exit, stderr);
  };
  const url = formatObjectStore(address);
  await fails("s3://B_?region=a", /the URL of backups is invalid: its bucket "B_" is not/, 2);
  await fails("s3://bucket/x", /invalid: it has no region; add \?region=REGION/, 2);
  await fails(url, /AWS_ACCESS_KEY_ID and \S+ are not both set/, 1, { AWS_ACCESS_KEY_ID: "" });
  await fails(url, /SignatureDoesNotMatch/, 1, { AWS_SECRET_ACCESS_KEY: "wrong" });
  const other = { ...address, bucket: "absent" };
  await fails(formatObjectStore(other), /bucket absent does not exist; create the bucket/);
  const region = { ...address, region: "eu-west-9" };
  await fails(
    formatObjectStore(region),
    /not in region eu-west-9, but in test-region; correct region=/,
  );

  await using node = await openS3Node(address);
  const { object } = randomObject(10);
  await node.objects.commits.store(object);
  await fails(url, /has the contents of a server, which has written the object \S+installation-/);
  assert.deepEqual(await digestsIn(node.objects.commits), [object.digest]);
});

Deno.test("a file in S3 that is larger than a part comes back, and a failed one is not there", async () => {
  const files = await S3Files.toWrite((await sharedS3()).address(), S3_KEYS);
  const { content } = randomObject(2 * PART_BYTES + 5);
  const size = content.length;
  const bytes = async function* () {
    for (let at = 0; at < size; at += 100_000) yield content.subarray(at, at + 100_000);
  };
  await files.write("file", { size, bytes });
  for (const offset of [0, 7, PART_BYTES - 1, size - 3]) {
    const read = await files.read("file", offset, 9);
    assert.deepEqual(read, { bytes: content.slice(offset, offset + 9), size });
  }
  assert.equal(await files.read("absent", 0, 9), undefined);
  await files.write("empty", { size: 0, async *bytes() {} });
  assert.deepEqual(await files.read("empty", 0, 9), { bytes: new Uint8Array(), size: 0 });

  const failing = async function* () {
    yield* bytes();
    throw new Error("the disk failed");
  };
  await assert.rejects(files.write("failed", { size, bytes: failing }), /^Error: the disk failed/);
  for (const wrong of [size - 1, size + 1]) {
    await assert.rejects(
      files.write("failed", { size: wrong, bytes }),
      /is (?:longer|shorter) than/,
    );
  }
  // As after a suspension: large ones are sent at once, too.
  const early = new Date(Date.now() - 16 * 60_000);
  for (const length of [1, size]) {
    const late = {
      size: length,
      async *bytes() {
        yield content.subarray(0, length);
      },
    };
    await assert.rejects(files.write("failed", late, early), /is not usable: /);
  }
  await assert.rejects(files.delete("file", early), /is not usable: /);
  assert.equal(await files.read("failed", 0, 9), undefined);
  const listed = (await Array.fromAsync(files.list(""))).flat();
  assert.deepEqual(listed.map(({ path, size }) => [path, size]), [["empty", 0], ["file", size]]);
});
