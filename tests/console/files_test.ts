/** The server serves the files of the console's build, and nothing else of the disk. */
import assert from "node:assert/strict";
import { get as httpGet, type IncomingMessage } from "node:http";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { makeTempDir } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { Client } from "../support/client.ts";
import { assertError } from "../support/expect.ts";

const ID = "0".repeat(27);
const PAGES = [
  "/",
  "/functions",
  "/functions/new",
  `/functions/${ID}`,
  `/functions/${ID}/history`,
  "/invocations",
  `/invocations/${ID}/`,
  "/volumes",
  `/volumes/${ID}`,
  "/dead-letters",
  "/sign-in",
  "/welcome",
  "/settings",
  "/device",
  "/access",
  "/access/people",
  `/access/people/${ID}`,
  "/access/principals",
  `/access/principals/${ID}`,
  "/access/roles",
  "/audit",
  "/usage",
];
/** Where no page is: a tab that no function has, malformed ids, and other paths. */
const UNKNOWN = [
  `/functions/${ID}/commits`,
  "/functions/2x/history",
  "/invocations/abc",
  `/volumes/${ID}/x`,
  "/settings/x",
  "/access/principals/x",
  "/functionsx",
  "/assets/none.js",
];
/** What a browser accepts when it opens an address. */
const BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8";
const SCRIPT = "console.log(1);\n";
const FILES: Readonly<Record<string, string>> = {
  "index.html": "<!doctype html><title>console</title>",
  "favicon.svg": "<svg/>",
  "assets/main-abc.js": SCRIPT,
  "assets/main-abc.js.br": "brotli",
  "assets/main-abc.js.gz": "gzip",
  "assets/style-abc.css": "body{}",
  ".built-from": "hidden",
  ".vite/manifest.json": "hidden",
  // What would shadow the server.
  "api/v1/functions": "shadow",
  "openapi.json": "shadow",
  "docs/index.html": "shadow",
  "healthz": "shadow",
  "run/x": "shadow",
};

async function build(directory: string, files = FILES): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(directory, path);
    await Deno.mkdir(join(file, ".."), { recursive: true });
    await Deno.writeTextFile(file, content);
  }
}

/** A request whose path goes out, and whose answer comes back, as it is. */
async function rawGet(url: string, path: string, accept?: string) {
  const { hostname, port } = new URL(url);
  const headers = accept === undefined ? {} : { "accept-encoding": accept };
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    httpGet({ hostname, port, path, headers }, resolve).on("error", reject)
  );
  const chunks = await Array.fromAsync(response as AsyncIterable<Uint8Array>);
  const text = String(Buffer.concat(chunks));
  return { status: response.statusCode ?? 0, headers: response.headers, text };
}

Deno.test("the files of the console", async (t) => {
  await using directory = await makeTempDir();
  const dist = join(directory.path, "dist");
  await Deno.writeTextFile(join(directory.path, "secret"), "secret");
  await using server = await TestServer.start({ flags: ["--console", dist] });
  const { url } = server;

  await t.step("are missed with a page that says how to build them", async () => {
    const response = await fetch(url);
    assert.equal(response.status, 503);
    assert.match(await response.text(), /scripts\/console/);
    const nobody = new Client(url, undefined);
    assertError(await nobody.get("/other"), "ENDPOINT_NOT_FOUND");
  });
  await build(dist);
  await Deno.symlink(join(directory.path, "secret"), join(dist, "link.txt"));

  await t.step("answer each page of the console with its index", async () => {
    for (const path of PAGES) {
      const response = await fetch(url + path);
      assert.equal(response.status, 200, path);
      assert.equal(await response.text(), FILES["index.html"]);
      assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
      assert.equal(response.headers.get("cache-control"), "no-cache");
    }
  });

  await t.step("answer browsers at unknown addresses with the index and 404", async () => {
    const nobody = new Client(url, undefined);
    for (const path of UNKNOWN) {
      const response = await fetch(url + path, { headers: { accept: BROWSER } });
      assert.equal(response.status, 404, path);
      assert.equal(await response.text(), FILES["index.html"], path);
      assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
      assertError(await nobody.get(path), "ENDPOINT_NOT_FOUND");
    }
  });

  await t.step("come with a policy that runs no inline script and denies frames", async () => {
    const { headers, body } = await fetch(url);
    await body?.cancel();
    const policy = headers.get("content-security-policy") ?? "";
    const directives = new Map(
      policy.split("; ").map((directive) => {
        const [name = "", ...values] = directive.split(" ");
        return [name, values.join(" ")];
      }),
    );
    assert.equal(directives.get("default-src"), "'none'");
    assert.equal(directives.get("script-src"), "'self'");
    assert.equal(directives.get("worker-src"), "'self'");
    assert.equal(directives.get("frame-ancestors"), "'none'");
    assert.equal(directives.get("base-uri"), "'none'");
    assert.equal(headers.get("x-frame-options"), "DENY");
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("cross-origin-opener-policy"), "same-origin");
  });

  await t.step("with a hash in their names are kept for ever", async () => {
    const { headers } = await rawGet(url, "/assets/main-abc.js", "");
    assert.equal(headers["cache-control"], "public, max-age=31536000, immutable");
    assert.equal(headers["content-type"], "text/javascript; charset=utf-8");
  });

  await t.step("are sent in the form that the client accepts", async () => {
    const path = "/assets/main-abc.js";
    const forms = {
      "gzip, br": ["br", "brotli"],
      "gzip, br;q=0": ["gzip", "gzip"],
      "deflate": [undefined, SCRIPT],
      "": [undefined, SCRIPT],
    };
    for (const [accept, expected] of Object.entries(forms)) {
      const { headers, text } = await rawGet(url, path, accept);
      assert.deepEqual([headers["content-encoding"], text], expected, accept);
      assert.equal(headers.vary, "Accept-Encoding");
      assert.equal(headers["content-length"], String(text.length));
    }
    for (const suffix of [".br", ".gz"]) {
      assert.equal((await rawGet(url, path + suffix)).status, 404);
    }
  });

  await t.step("are not sent again to who has them", async () => {
    const first = await fetch(`${url}/favicon.svg`);
    const etag = first.headers.get("etag") ?? "";
    assert.match(etag, /^"[\w-]{43}"$/);
    assert.equal(await first.text(), "<svg/>");
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const again = await fetch(`${url}/favicon.svg`, { headers: { "if-none-match": tag } });
      assert.deepEqual([again.status, await again.text()], [304, ""], tag);
    }
    const other = await fetch(`${url}/favicon.svg`, { headers: { "if-none-match": '"x"' } });
    assert.deepEqual([other.status, await other.text()], [200, "<svg/>"]);
    const head = await fetch(`${url}/favicon.svg`, { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
    assert.equal(head.headers.get("content-length"), "6");
  });

  await t.step("shadow no path of the server, and lead to no other file", async () => {
    const client = await server.client();
    assert.notEqual((await client.get("/api/v1/functions")).body, "shadow");
    assert.equal((await client.get("/openapi.json")).body.info.title, "invoked");
    assert.match((await client.get("/docs")).body, /swagger/);
    assert.doesNotMatch(JSON.stringify((await client.get("/healthz")).body), /shadow/);
    const paths = [
      "/docs/index.html",
      "/run/x",
      "/.built-from",
      "/.vite/manifest.json",
      "/link.txt",
      "/../secret",
      "/assets/../../secret",
      "/assets/%2e%2e/%2e%2e/secret",
      "/assets/..%2f..%2fsecret",
      "/assets/..\\..\\secret",
      "/assets/%00",
      "/assets",
      "/assets/",
      "/functionsx",
      "//secret",
    ];
    for (const path of paths) {
      const { status, text } = await rawGet(url, path);
      assert.ok(status === 404 || status === 400, `${path}: ${status}`);
      assert.doesNotMatch(text, /hidden|^secret|shadow/, path);
    }
    for (const method of ["POST", "PUT", "DELETE"]) {
      assertError(await client.call(method, "/"), "ENDPOINT_NOT_FOUND");
    }
  });

  await t.step("are those of a later build, once it is there", async () => {
    await build(dist, { "index.html": "later build", "assets/later-def.js": "later" });
    assert.equal(await (await fetch(`${url}/functions`)).text(), "later build");
    assert.equal(await (await fetch(`${url}/assets/later-def.js`)).text(), "later");
  });
});
