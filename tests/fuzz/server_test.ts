/** The server answers every request and every archive with a documented status, and goes on. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Client } from "../support/client.ts";
import { TestServer } from "../support/server.ts";
import { statuses } from "../http_hardening/raw.ts";
import { bytes, check, mutated, utf8 } from "./support.ts";

const HEADS = [
  "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n\r\n",
  "GET /api/v1/functions?page_size=10&page_token=x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\n",
  "POST /auth/v1/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\n\r\na=b&c",
  "POST /auth/v1/token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: x\r\n\r\n",
  "PUT /file/a.b HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
];
/** Of answers to requests without credentials. */
const ALLOWED = [100, 200, 400, 401, 403, 404, 408, 413, 417, 429, 431];

/** Sends bytes, closes the sending side, and reads to the end. */
async function answerTo(url: string, request: Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(request).catch(() => {});
  await connection.closeWrite().catch(() => {});
  const text = await new Response(connection.readable).text().catch(() => "");
  return text;
}

Deno.test("the server survives", async (t) => {
  await using server = await TestServer.start({
    flags: ["--token-rate", "0", "--api-rate", "0", "--keep-alive-timeout", "1s"],
  });
  const client = await server.client();

  await t.step("mutated requests", async () => {
    const inputs = mutated(fc.constantFrom(...HEADS).map(utf8));
    await check(inputs, HEADS.map(utf8), { runs: 150 }, async (request) => {
      const text = await answerTo(server.url, request);
      for (const status of statuses(text)) assert.ok(ALLOWED.includes(status), text);
      assert.doesNotMatch(text, /\bat \S+:\d+|file:|\/src\//);
    });
  });

  await t.step("forms for the token endpoint", async () => {
    const names = ["grant_type", "client_id", "client_secret", "client_assertion", "x"];
    const values = fc.oneof(
      fc.constantFrom("client_credentials", "a@b/spc", "eyJ.eyJ.x", "[::1]"),
      fc.string({ unit: "binary", maxLength: 30 }),
    );
    const field = fc.tuple(fc.constantFrom(...names, "client_assertion_type"), values);
    const forms = fc.array(field, { maxLength: 6 }).map((fields) =>
      utf8(String(new URLSearchParams(fields)))
    );
    await check(fc.oneof(forms, mutated(forms), bytes(60)), [], { runs: 200 }, async (form) => {
      const { status, body } = await client.call("POST", "/auth/v1/token", form, {
        "content-type": "application/x-www-form-urlencoded",
      });
      assert.ok([400, 401].includes(status), JSON.stringify(body));
      assert.deepEqual(Object.keys(body), ["error", "error_description"]);
      assert.match(body.error_description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    });
  });

  await t.step("archives of volumes", () => archives(client));

  await t.step("bodies of JSON", async () => {
    const inputs = fc.oneof(
      fc.json().map(utf8),
      mutated(fc.constant(utf8(`{"displayName":"x","initialContent":{"main.ts":"YQ=="}}`))),
      bytes(60),
    );
    await check(inputs, [utf8('{"__proto__":{"displayName":1}}')], { runs: 150 }, async (body) => {
      const answer = await client.call("POST", "/api/v1/functions/search", body, {
        "content-type": "application/json",
      });
      assert.ok([200, 400, 404].includes(answer.status), JSON.stringify(answer.body));
    });
  });

  assert.equal((await client.get("/healthz")).status, 200);
});

async function archives(client: Client): Promise<void> {
  const { body } = await client.post("/api/v1/vfs/volumes", { displayName: "fuzz" });
  const path = `/api/v1/vfs/volumes/${body.volume.id}/archive`;
  const type = { "content-type": "application/x-tar" };
  const tar = tarOf([["a/b.txt", "hello"], ["c", "x".repeat(600)]]);
  const ok = await client.call("PUT", path, tar, type);
  assert.equal(ok.status, 200, JSON.stringify(ok.body));
  const kept = ["../x", "/x", "a/../../x", "a\0b", "a/./b", "", "é".repeat(49), "a//b"]
    .map((name) => tarOf([[name, "hello"]]));
  const inputs = fc.oneof(
    mutated(fc.constant(tar)),
    fc.array(fc.tuple(fc.string({ maxLength: 90 }), fc.string({ maxLength: 700 })), {
      maxLength: 4,
    })
      .map((files) => tarOf(files)),
    bytes(1200),
  );
  await check(inputs, kept, { runs: 120 }, async (archive) => {
    const { status, body } = await client.call("PUT", path, archive, type);
    assert.ok([200, 400, 429].includes(status), JSON.stringify(body));
    if (status !== 200) return;
    const written = await client.get(path);
    assert.equal(written.status, 200);
  });
}

/** A ustar archive of files: POSIX.1-2017, pax, "ustar Interchange Format". */
function tarOf(files: readonly (readonly [name: string, text: string])[]): Uint8Array<ArrayBuffer> {
  const blocks = files.flatMap(([name, text]) => {
    const content = utf8(text);
    const header = new Uint8Array(512);
    const put = (text: string, at: number) => header.set(utf8(text).subarray(0, 100), at);
    put(name, 0);
    put("0000644\0", 100);
    put(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    put("        ", 148);
    put("0", 156);
    put("ustar\u000000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const body = new Uint8Array(Math.ceil(content.length / 512) * 512);
    body.set(content);
    return [header, body];
  });
  return new Uint8Array([...blocks.flatMap((block) => [...block]), ...new Uint8Array(1024)]);
}
