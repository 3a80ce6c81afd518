/** A Hono app answers as it does under `deno serve`. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { change, logsOf } from "../process_reuse/support.ts";
import { createTrigger, unique } from "../triggers/support.ts";
import { removeDirectory } from "../support/invoked.ts";
import { ROOT } from "../support/repository.ts";
import { sharedSuite } from "../support/suite.ts";
import { preview, recordOf, send } from "./support.ts";
import { HONO, WORKERS_APPS } from "./workers_apps.ts";

const APP = `import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { getCookie, setCookie } from "hono/cookie";
import { etag } from "hono/etag";
import { HTTPException } from "hono/http-exception";
import { stream, streamSSE } from "hono/streaming";

const app = new Hono();
app.use(async (c, next) => {
  await next();
  c.header("X-Middleware", "after");
});
app.use("/private/*", basicAuth({ username: "ada", password: "secret" }));
app.use("/etag", etag());
app.get("/", (c) => c.text("hello " + (c.req.query("name") ?? "")));
app.get("/etag", (c) => c.text("tagged"));
app.get("/private/page", (c) => c.html("<h1>private</h1>"));
app.get("/items/:id{[0-9]+}", (c) => c.json({ id: c.req.param("id"), queries: c.req.queries() }));
app.post("/form", async (c) => c.json(await c.req.parseBody()));
app.put("/json", async (c) => c.json(await c.req.json(), 201));
app.get("/cookies", (c) => {
  const seen = getCookie(c);
  setCookie(c, "visits", String(Number(seen.visits ?? 0) + 1), { httpOnly: true, sameSite: "Lax" });
  setCookie(c, "theme", "dark", { maxAge: 60 });
  return c.json(seen);
});
app.get("/file", (c) => {
  c.header("Content-Type", "application/octet-stream");
  c.header("Content-Disposition", 'attachment; filename="data.bin"');
  return c.body(new Uint8Array(300_000).map((_, n) => n % 251));
});
app.get("/stream", (c) => stream(c, async (out) => {
  for (const text of ["a", "b", "c"]) {
    await out.write(text);
    await out.sleep(2);
  }
}));
app.get("/events", (c) => streamSSE(c, async (out) => {
  for (let n = 0; n < 3; n++) {
    await out.writeSSE({ id: String(n), event: "tick", data: "n " + n });
    await out.sleep(2);
  }
}));
app.get("/moved", (c) => c.redirect("/items/1", 308));
app.delete("/items/:id", (c) => c.body(null, 204));
app.get("/fails", () => { throw new HTTPException(418, { message: "a teapot" }); });
app.get("/throws", () => { throw new Error("unexpected"); });
app.onError((error, c) =>
  error instanceof HTTPException ? error.getResponse() : c.json({ error: error.message }, 500)
);
app.notFound((c) => c.text("nothing at " + c.req.path, 404));
export default app;
`;

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const FORM = "application/x-www-form-urlencoded";
const MULTIPART = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n';

const REQUESTS: readonly Sent[] = [
  { path: "/" },
  { path: "/?name=a%20b" },
  { path: "/", method: "HEAD" },
  { path: "/", method: "POST" },
  { path: "/etag" },
  { path: "/etag", headers: { "If-None-Match": '"c7b5a5c1f0a0a8d1"' } },
  { path: "/private/page" },
  { path: "/private/page", headers: { Authorization: `Basic ${btoa("ada:secret")}` } },
  { path: "/items/7?a=1&a=2" },
  { path: "/items/x" },
  { path: "/items/7", method: "DELETE" },
  { path: "/form", method: "POST", headers: { "Content-Type": FORM }, body: "a=1&b=%C3%A9" },
  {
    path: "/form",
    method: "POST",
    headers: { "Content-Type": "multipart/form-data; boundary=x" },
    body: MULTIPART,
  },
  { path: "/json", method: "PUT", body: '{"a":[1,"é"]}' },
  { path: "/json", method: "PUT", body: "{" },
  { path: "/cookies" },
  { path: "/cookies", headers: { Cookie: "visits=4; theme=light" } },
  { path: "/file" },
  { path: "/file", method: "HEAD" },
  { path: "/stream" },
  { path: "/events" },
  { path: "/moved" },
  { path: "/fails" },
  { path: "/throws" },
  { path: "/a//b/c" },
];

/** Headers of a connection, of a moment, and of one of the servers alone. */
const OWN = [
  ...["connection", "date", "keep-alive", "transfer-encoding"],
  ...["invocation-id", "request-id", "vary", "x-accel-buffering"],
];

/** Everything of a response that a client sees, as plain data. */
async function responseTo(port: number, host: string, sent: Sent): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const outgoing = request({
    host: "127.0.0.1",
    port,
    path: sent.path,
    method: sent.method ?? "GET",
    headers: { host, "accept-encoding": "identity", ...sent.headers },
  }, (incoming) => {
    const chunks: Uint8Array[] = [];
    incoming.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    incoming.on("error", reject);
    incoming.on("end", () => {
      const headers = Object.entries(incoming.headers).filter(([name]) => !OWN.includes(name));
      resolve({
        status: incoming.statusCode,
        headers: Object.fromEntries(headers.toSorted()),
        body: Buffer.concat(chunks).toString("latin1"),
      });
    });
  });
  outgoing.on("error", reject);
  outgoing.end(sent.body);
  return await promise;
}

/** The app under `deno serve`. */
class DenoServe implements AsyncDisposable {
  private constructor(
    private readonly process: Deno.ChildProcess,
    private readonly directory: string,
    readonly port: number,
  ) {}

  static async start(): Promise<DenoServe> {
    const directory = await Deno.makeTempDir({ prefix: "invoked-test-" });
    await Deno.writeTextFile(join(directory, "main.ts"), APP);
    await Deno.writeTextFile(join(directory, "package.json"), HONO["package.json"]);
    await Deno.symlink(new URL("node_modules", ROOT), join(directory, "node_modules"));
    const process = new Deno.Command(Deno.execPath(), {
      args: ["serve", "--no-check", "--allow-net", "--node-modules-dir=manual"]
        .concat("--host", "127.0.0.1", "--port", "0", "main.ts"),
      cwd: directory,
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      text += value ?? "";
      const [, port] = /:(\d+)\/?\s/.exec(text) ?? [];
      if (port !== undefined) {
        reader.cancel();
        return new DenoServe(process, directory, Number(port));
      }
      if (done) throw new Error(`deno serve did not start:\n${text}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGKILL");
    await this.process.status;
    await removeDirectory(this.directory);
  }
}

sharedSuite("a Hono app", {
  "reads variables, secrets and its invocation as on Workers": async ({ client }) => {
    for (const code of WORKERS_APPS) {
      const app = await preview(client, code, HONO);
      const fields = { variables: { STAGE: "test" }, secret: { TOKEN: "a secret" } };
      await change(client, app.functionId, fields);
      const response = await send(client, app);
      const { id } = await recordOf(client, app, response);
      assert.deepEqual(await response.json(), {
        stage: "test",
        token: 8,
        adapter: "test",
        remoteAddress: "127.0.0.1",
        kind: "http",
      });
      assert.deepEqual(await logsOf(client, app.functionId, id), ["after test"]);
    }
  },

  "answers as under deno serve": async ({ client, server }) => {
    await using deno = await DenoServe.start();
    const functionId = await client.deploy(APP, HONO);
    const slug = unique("hono");
    await createTrigger(client, functionId, { http: { slug, auth: "ENDPOINT_AUTH_OPEN" } });
    const host = `${slug}.localhost`;
    const port = Number(new URL(server.url).port);
    for (const sent of REQUESTS) {
      const [ours, theirs] = await Promise.all([
        responseTo(port, host, sent),
        responseTo(deno.port, host, sent),
      ]);
      assert.deepEqual(ours, theirs, JSON.stringify(sent));
    }
  },
}, "limited");
