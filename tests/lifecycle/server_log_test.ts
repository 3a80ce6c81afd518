import assert from "node:assert/strict";
import { base64, Client, type Json } from "../support/client.ts";
import { TestServer } from "../support/server.ts";

/** Represents what users confide to the server; it must not be in the log. */
const CONFIDED = "c0nf1ded";
const REQUEST_ID = "given-by-a-proxy.17";

/** Uses every part of the server, with {@link CONFIDED} wherever a value of the user's goes. */
async function useEverything(server: TestServer): Promise<readonly string[]> {
  const client = await server.client();
  const { clientId, clientSecret } = await server.credentials();
  const wrongSecret = await new Client(server.url, undefined).form("/auth/v1/token", {
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: `${clientSecret}${CONFIDED}`,
  });
  assert.equal(wrongSecret.status, 401);
  const id = await client.deploy(
    `/* ${CONFIDED} */ export default (input) => {
      console.log(input);
      if (input.fail) throw new Error(input.fail);
      return input;
    };`,
  );
  const secret = { function: { id, secret: { KEY: CONFIDED } }, updateMask: "secret" };
  assert.equal((await client.post("/api/v1/functions/update", secret)).status, 200);
  const opened = await client.post(`/api/v1/functions/${id}/commits`, { filenames: ["main.ts"] });
  const uploadUrl: string = opened.body.uploadUrls["main.ts"];
  const stranger = new Client(server.url, undefined);
  assert.equal((await stranger.call("PUT", uploadUrl, CONFIDED)).status, 204);
  const tampered = await stranger.call("PUT", `${uploadUrl}x`, CONFIDED);
  assert.equal(tampered.status, 403);
  const broken = `/api/v1/functions/${id}/commits/${opened.body.commitId}/finalize`;
  await client.post(broken, {});

  await client.invoke(id, { value: CONFIDED }, { "request-id": REQUEST_ID });
  await client.invoke(id, { fail: CONFIDED });
  await client.post(`/api/v1/functions/${id}/invoke`, { json: base64(`{${CONFIDED}`) });
  await client.post(`/api/v1/functions/${id}/invoke`, `{"json": ${CONFIDED}`);
  await client.get(`/api/v1/functions?page_token=${CONFIDED}`);
  await new Client(server.url, `${client.token}${CONFIDED}`).get("/api/v1/functions");
  await client.call("GET", `/api/v1/functions?access_token=${client.token}`);
  return [client.token ?? "", uploadUrl, `${uploadUrl}x`, clientSecret];
}

/** What of a credential must not be found: all of it, and what of it is secret. */
function secretParts(credential: string): string[] {
  const body = credential.split(":").at(-1) ?? "";
  const parts = [credential, body, ...credential.split("/"), ...credential.split(".")];
  return parts.filter((part) => part.length > 20);
}

/** Probes, and a path that is not there. */
async function probe(server: TestServer): Promise<void> {
  const client = new Client(server.url, undefined);
  for (const path of ["/healthz", "/readyz", "/elsewhere"]) await client.get(path);
}

/** Which of these paths are in lines of the log. */
function probesIn(lines: readonly Json[]): readonly string[] {
  const paths = new Set(lines.map(({ properties }) => properties.path));
  return ["/healthz", "/readyz", "/elsewhere"].filter((path) => paths.has(path));
}

/** Goes away in the middle of two requests, which leave no trace in the store. */
async function goAway(server: TestServer): Promise<void> {
  const client = await server.client();
  const { volume } = (await client.post("/api/v1/vfs/volumes", { displayName: "gone" })).body;
  const { hostname, port } = new URL(server.url);
  const paths = ["POST /api/v1/functions", `PUT /api/v1/vfs/volumes/${volume.id}/files/late`];
  for (const path of paths) {
    const head = `${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${client.token}\r\n` +
      "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
    const connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(new TextEncoder().encode(head + "{".repeat(1000)));
    // Before the server reads the body: an answer to another request is later than that.
    assert.equal((await client.get("/healthz")).status, 200);
    connection.close();
  }
  const after = (await client.get(`/api/v1/vfs/volumes/${volume.id}`)).body.volume;
  assert.deepEqual([after.version, after.fileCount], [volume.version, 0]);
}

Deno.test("the log is JSON with request ids, has no failure for clients that went away, and holds nothing that was confided", async () => {
  await using server = await TestServer.start({ flags: ["--log-level", "debug"] });
  const credentials = await useEverything(server);
  await probe(server);
  await goAway(server);
  const { code } = await server.stop("SIGTERM");
  assert.equal(code, 0);
  const log = await server.log;
  const lines: Json[] = log.trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(lines.length > 10);
  for (const line of lines) {
    for (const field of ["@timestamp", "level", "logger", "message"]) {
      assert.equal(typeof line[field], "string", JSON.stringify(line));
    }
    assert.doesNotMatch(line.level, /err|fatal/i, JSON.stringify(line));
  }
  const gone = lines.filter((line) => JSON.stringify(line).includes("the client went away"));
  assert.equal(gone.length, 2);
  assert.deepEqual(probesIn(lines), ["/healthz", "/readyz", "/elsewhere"]);
  const requests = lines.filter((line) => line.logger === "invoked.http" && !gone.includes(line));
  assert.ok(requests.length > 10);
  const ids = new Set(requests.map(({ properties }) => properties.requestId));
  assert.equal(ids.size, requests.length, "one line and one id for each request");
  assert.ok(ids.has(REQUEST_ID));
  assert.ok(!ids.has(undefined));

  assert.ok(!log.includes(CONFIDED), "neither input nor code nor secrets of users");
  const key = JSON.parse(
    new TextDecoder().decode(
      Uint8Array.fromBase64(credentials.at(-1)?.split(":").at(-1) ?? "", { alphabet: "base64url" }),
    ),
  );
  for (const secret of [...credentials.flatMap(secretParts), key.d]) {
    assert.ok(!log.includes(secret), `${secret} is in the log`);
  }
});

Deno.test("an answer that breaks off is a line of the log, and a probe that succeeds is not", async () => {
  await using server = await TestServer.start();
  await probe(server);
  const client = await server.client();
  const { body: { volume } } = await client.post("/api/v1/vfs/volumes", { displayName: "short" });
  const file = `/api/v1/vfs/volumes/${volume.id}/files/large`;
  const type = { "content-type": "application/octet-stream" };
  const put = await client.call("PUT", file, new Uint8Array(3_000_000), type);
  assert.ok(put.status < 300, JSON.stringify(put.body));
  await cutFiles(server.dataDir, 3_000_000, 2_000_000);
  await assert.rejects(async () => {
    const { status } = await client.get(file);
    assert.notEqual(status, 500);
  });
  await server.stop();
  const lines: Json[] = (await server.log).trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(lines.some(({ level, message }) => level === "ERROR" && /blob/.test(message)));
  assert.deepEqual(probesIn(lines), ["/elsewhere"]);
});

/** Cuts the files of one size below a directory to another. */
async function cutFiles(directory: string, size: number, to: number): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) await cutFiles(path, size, to);
    else if ((await Deno.stat(path)).size === size) await Deno.truncate(path, to);
  }
}
