import assert from "node:assert/strict";
import { join } from "node:path";
import { ok } from "../support/expect.ts";
import { DatabaseSync } from "node:sqlite";
import { makeTempDir, type Run, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { codeIn, FUNCTIONS, get, redeem, signIn } from "./sessions.ts";

const CLIENT_ID = /^[a-z]+-[a-z]+-\d{5}@127\.0\.0\.1:\d+\/spc$/;

/** The command that a server printed, given to `sh` as a user pastes it, in another directory. */
async function runCurl({ welcome }: TestServer): Promise<unknown> {
  const curl = /^curl .*$/m.exec(welcome)?.[0] ?? "";
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", curl],
    cwd: "/",
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "" },
    stdin: "null",
  }).output();
  const reported = new TextDecoder().decode(stderr);
  assert.deepEqual([code, reported], [0, ""]);
  const { json } = JSON.parse(new TextDecoder().decode(stdout));
  return JSON.parse(atob(json));
}

async function modeOf(path: string): Promise<number> {
  return ((await Deno.lstat(path)).mode ?? 0) & 0o777;
}

/** Undefined for what is gone. */
function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  return reading.catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
}

/** The paths below a directory, in which files of instances come and go. */
async function* walk(directory: string): AsyncGenerator<string> {
  const entries = await unlessGone(Array.fromAsync(Deno.readDir(directory))) ?? [];
  for (const entry of entries) {
    const path = join(directory, entry.name);
    yield path;
    if (entry.isDirectory) yield* walk(path);
  }
}

async function serve(dataDir: string, more: string[] = [], env = {}): Promise<Run> {
  return await runInvoked(["serve", "--port", "0", "--data", dataDir, ...more], { env });
}

function assertFails({ code, stdout, stderr }: Run, message: RegExp): void {
  assert.deepEqual([code, stdout], [1, ""], stderr);
  const lines = stderr.trim().split("\n").filter((line) => !/^(?:\{|next: )/.test(line));
  assert.equal(lines.length, 1, stderr);
  assert.match(lines[0] ?? "", message);
  assert.match(lines[0] ?? "", /^error: (?!.*\bCannot )/);
}

/** What a start must keep of the one before. */
async function stateOf(server: TestServer): Promise<unknown> {
  const client = await server.client();
  const { list } = ok(await client.get("/api/v1/functions"));
  const { principleId } = ok(await client.get("/api/v1/auth/introspect"));
  const { serverUrl, ...credentials } = await server.credentials();
  assert.equal(serverUrl, server.url);
  return { list, principleId, answer: await runCurl(server), credentials };
}

Deno.test("first start: a private data directory, credentials, and a curl that works; the second keeps them", async (t) => {
  await using parent = await makeTempDir();
  const dataDir = join(parent.path, "it's", "a data dir");
  await using server = await TestServer.start({ dataDir, fresh: true });
  assert.equal(await modeOf(dataDir), 0o700);
  for (const name of ["credentials.json", "master.key", "invoked.db", "invoked.db-wal"]) {
    assert.equal(await modeOf(join(dataDir, name)), 0o600, name);
  }
  for await (const path of walk(dataDir)) {
    const isOpen = ((await unlessGone(modeOf(path)) ?? 0) & 0o077) !== 0;
    // Downloaded packages are public, and below a directory that is not.
    assert.equal(isOpen && !/\/cache(\/|$)/.test(path), false, path);
  }

  const { serverUrl, clientId, clientSecret, ...rest } = await server.credentials();
  assert.deepEqual(rest, {});
  assert.equal(serverUrl, server.url);
  assert.match(clientId, CLIENT_ID);
  assert.match(clientSecret, /^secret-token:conductorone\.com:v1:[\w-]+$/);
  assert.equal(server.welcome.includes(clientSecret), false);
  assert.deepEqual(await runCurl(server), { message: "Hello, world!" });

  const [, link = ""] = /^ {2}console {6}(\S+) \(works once, until /m.exec(server.welcome) ?? [];
  ok(await redeem(server.url, codeIn({ url: link })));
  const client = await server.client();
  const [{ token }, cookie] = [client, await signIn(client)];
  const state = await stateOf(server);
  await server.stop();
  assert.equal((await server.log).includes(clientSecret), false);

  await using again = await TestServer.start({ dataDir });
  await t.step("the first start prints a link, later ones do not", async () => {
    assert.doesNotMatch(again.welcome, /#code=/);
    ok(await get(again.url, FUNCTIONS, cookie));
    const log = await server.log;
    assert.match(log, /made a link to the console/);
    assert.match(log, /session \w+ of client \S+ began/);
    assert.doesNotMatch(log, new RegExp(cookie.split("=")[1] ?? "x"));
  });
  await t.step("the same ids, credentials, functions and tokens at a new address", async () => {
    assert.deepEqual(await stateOf(again), state);
    const headers = { authorization: `Bearer ${token}` };
    ok(await (await again.client()).get("/api/v1/functions", headers));
  });
});

Deno.test("ids have 127.0.0.1 for localhost, earlier ones are valid, and a last one that expired is replaced", async () => {
  await using dir = await makeTempDir();
  const options = { dataDir: dir.path, flags: ["--host", "localhost"] };
  const path = join(dir.path, "credentials.json");
  {
    await using server = await TestServer.start(options);
    assert.match(server.url, /^http:\/\/localhost:/);
    assert.match((await server.credentials()).clientId, CLIENT_ID);
    await server.stop();
  }
  const file = await Deno.readTextFile(path);
  const { clientId } = JSON.parse(file);
  const earlier = clientId.replace("127.0.0.1", "localhost");
  await Deno.writeTextFile(path, file.replace(clientId, earlier));
  {
    using db = new DatabaseSync(join(dir.path, "invoked.db"));
    db.prepare("update credentials set client_id = ?").run(earlier);
  }
  {
    await using server = await TestServer.start(options);
    assert.equal((await server.credentials()).clientId, earlier);
    ok(await (await server.client()).get("/api/v1/functions"));
    await server.stop();
  }
  {
    using db = new DatabaseSync(join(dir.path, "invoked.db"));
    db.exec("update credentials set expires_at = '2020-01-01T00:00:00.000Z'");
  }
  await using server = await TestServer.start(options);
  assert.notEqual((await server.credentials()).clientId, earlier);
  ok(await (await server.client()).get("/api/v1/functions"));
});

Deno.test("a second server on the same data directory or port fails", async () => {
  const server = await sharedServer();
  const port = new URL(server.url).port;
  const again = await serve(server.dataDir);
  assertFails(again, /Data directory \S+ is in use by another server; stop that server, or choose/);
  await using dir = await makeTempDir();
  const taken = await serve(dir.path, ["--port", port]);
  assertFails(
    taken,
    new RegExp(
      `Port ${port} of 127\\.0\\.0\\.1 is in use by another process; stop .* --port, or 0 `,
    ),
  );
  ok(await (await server.client()).get("/api/v1/functions"));
});

Deno.test("another master key than before is rejected, and harms nothing", async () => {
  const key = () => crypto.getRandomValues(new Uint8Array(32)).toBase64();
  await using dir = await makeTempDir();
  const env = { INVOKED_MASTER_KEY: key() };
  {
    await using server = await TestServer.start({ dataDir: dir.path, env });
    await assert.rejects(Deno.stat(join(dir.path, "master.key")), Deno.errors.NotFound);
    await server.stop();
  }
  const message = /it was sealed under master key/;
  assertFails(await serve(dir.path, [], { INVOKED_MASTER_KEY: key() }), message);
  const keyless = await serve(dir.path);
  assertFails(keyless, /master\.key is missing, and the secrets in the database are sealed/);
  assert.match(keyless.stderr, /^error: .*; restore the file .* set INVOKED_MASTER_KEY if/m);
  await using server = await TestServer.start({ dataDir: dir.path, env });
  ok(await (await server.client()).get("/api/v1/functions"));
});

Deno.test("an invalid master key is rejected", async () => {
  await using dir = await makeTempDir();
  for (const key of ["short", "AAAA", "x".repeat(44)]) {
    const { code, stderr } = await serve(dir.path, [], { INVOKED_MASTER_KEY: key });
    assert.equal(code, 2);
    assert.match(stderr, /INVOKED_MASTER_KEY/);
    assert.equal(stderr.includes(key), false);
  }
  await Deno.writeTextFile(join(dir.path, "master.key"), "AAAA\n");
  assertFails(
    await serve(dir.path),
    /master\.key: each line must be 32 bytes in base64; restore the file from a backup$/,
  );
});

Deno.test("a data directory that cannot be created or written is rejected", async () => {
  await using dir = await makeTempDir();
  const file = join(dir.path, "file");
  await Deno.writeTextFile(file, "");
  const cases = [
    [file, "it is a file, not a directory"],
    [join(file, "below"), "a directory above it is a file"],
    ["/proc/invoked", "it is in a file system of the kernel"],
  ] as const;
  for (const [path, violation] of cases) {
    assertFails(
      await serve(path),
      new RegExp(`Data directory ${path} is not usable: ${violation}; choose`),
    );
  }
});
