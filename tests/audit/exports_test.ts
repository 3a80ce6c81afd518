/** Exports of the audit log to files and URLs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";
import { Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, assertInvalid, KSUID, ok, RFC3339_UTC } from "../support/expect.ts";
import { makeTempDir } from "../support/invoked.ts";
import { LOOPBACK } from "../support/loopback.ts";
import { TestServer } from "../support/server.ts";
import { makePrincipal, signIn } from "../identity/principals.ts";
import { events, lastUid } from "./support.ts";

const PATH = "/api/v1/systemlog/exports";

function create(client: Client, displayName: string, datasource: Json) {
  return client.post(PATH, { displayName, datasource });
}

async function exporterOf(client: Client, id: string): Promise<Json> {
  return ok(await client.get(`${PATH}/${id}`)).exporter;
}

/** Waits until an export has written the last event. */
async function caughtUp(client: Client, id: string): Promise<Json> {
  return await eventually(async () => {
    const exporter = await exporterOf(client, id);
    const isWhole = exporter.watermarkEventId === await lastUid(client);
    return isWhole && exporter.state === "EXPORT_STATE_WAITING" ? exporter : undefined;
  }, `export ${id}`);
}

function linesIn(text: string): Json[] {
  assert.ok(text.endsWith("\n"), "whole lines");
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** A host that keeps the lines that it gets. It answers these statuses first, and then 204. */
class Host implements AsyncDisposable {
  readonly lines: Json[] = [];
  readonly headers: Headers[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(statuses: number[] = []) {
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      async (request) => {
        const bytes = new Uint8Array(await request.arrayBuffer());
        const status = statuses.shift() ?? 204;
        if (status !== 204) return new Response("no", { status });
        this.headers.push(request.headers);
        const isZipped = request.headers.get("content-encoding") === "gzip";
        const text = new TextDecoder().decode(isZipped ? gunzipSync(bytes) : bytes);
        this.lines.push(...linesIn(text));
        return new Response(null, { status });
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/events`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

Deno.test("exports of the audit log", async (t) => {
  await using directory = await makeTempDir();
  const dir = await Deno.realPath(directory.path);
  const flags = ["--audit-export-dir", dir, ...LOOPBACK];
  await using server = await TestServer.start({ flags });
  const client = await server.client();
  const ids: string[] = [];

  await t.step("a file gets every event once, in order, and each new one", async () => {
    const made = ok(await create(client, "File", { datasourceId: "audit.jsonl", prefix: "p-" }));
    const { exportId, createdAt, watermarkEventId, datasource } = made.exporter;
    assert.match(exportId, KSUID);
    assert.match(createdAt, RFC3339_UTC);
    assert.equal(watermarkEventId, "");
    assert.deepEqual(datasource, {
      datasourceId: "audit.jsonl",
      format: "EXPORT_FORMAT_UNSPECIFIED",
      prefix: "p-",
    });
    ids.push(exportId);
    await caughtUp(client, exportId);
    await client.createFunction("exported");
    await caughtUp(client, exportId);
    const path = join(dir, "p-audit.jsonl");
    assert.deepEqual(linesIn(await Deno.readTextFile(path)), await events(client));
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    const written: Json[] = [];
    for (let pageToken = "";;) {
      const body = { pageSize: 10, pageToken };
      const { list, nextPageToken } = ok(await client.post(`${PATH}/${exportId}/events`, body));
      written.push(...list);
      if (nextPageToken === "") break;
      pageToken = nextPageToken;
    }
    assert.deepEqual(written, await events(client));
  });

  await t.step("readers see no path and no query of a URL, which may hold a token", async () => {
    const reader = (await signIn(client, await makePrincipal(client, "r", ["system:log_viewer"])))
      .as;
    const destinations = [
      ["http://127.0.0.1:9/receiver/token?key=secret#part", "http://127.0.0.1:9/…"],
      ["http://127.0.0.1:9/?key=secret", "http://127.0.0.1:9/…"],
      ["http://127.0.0.1:9/", "http://127.0.0.1:9/"],
      ["plain.jsonl", "plain.jsonl"],
    ] as const;
    for (const [datasourceId, shown] of destinations) {
      const { exporter } = ok(await create(client, "Collector", { datasourceId }));
      const { exportId } = exporter;
      const whole = [exporter, await exporterOf(client, exportId)];
      const search = { refs: [{ exportId }] };
      const found = ok(await reader.post("/api/v1/search/systemlog/exports", search)).list;
      const listed = ok(await reader.get(PATH)).list;
      const cut = [...found, await exporterOf(reader, exportId), listed[0]];
      const ids = (list: Json[]) => list.map(({ datasource }) => datasource.datasourceId);
      assert.deepEqual([ids(whole), ids(cut)], [Array(2).fill(datasourceId), Array(3).fill(shown)]);
      ok(await client.call("DELETE", `${PATH}/${exportId}`));
    }
  });

  await t.step("a compressed file is one for the usual tools", async () => {
    for (const [format, program] of [["GZIP", "gzip"], ["ZSTD", "zstd"]] as const) {
      const datasource = {
        datasourceId: join(dir, `audit.${format}`),
        format: `EXPORT_FORMAT_OCSF_JSON_${format}`,
      };
      const { exporter } = ok(await create(client, format, datasource));
      await caughtUp(client, exporter.exportId);
      await client.createFunction("another batch");
      await caughtUp(client, exporter.exportId);
      const { stdout } = await new Deno.Command(program, {
        args: ["-dc", "--", join(dir, `audit.${format}`)],
      }).output();
      assert.deepEqual(linesIn(new TextDecoder().decode(stdout)), await events(client));
      ok(await client.call("DELETE", `${PATH}/${exporter.exportId}`));
    }
  });

  await t.step("a host that fails gets every event later, and the error is visible", async () => {
    await using host = new Host([500, 302]);
    const format = "EXPORT_FORMAT_OCSF_JSON_GZIP";
    const { exporter: { exportId } } = ok(
      await create(client, "Host", { datasourceId: host.url, format }),
    );
    const failed = await eventually(async () => {
      const exporter = await exporterOf(client, exportId);
      return exporter.state === "EXPORT_STATE_ERROR" ? exporter : undefined;
    });
    assert.match(failed.error, /^the host answered (?:500|302)$/);
    const { error } = await caughtUp(client, exportId);
    assert.equal(error, undefined);
    assert.deepEqual(host.lines, await events(client));
    const [headers] = host.headers;
    assert.equal(headers?.get("content-type"), "application/x-ndjson");
    assert.match(headers?.get("idempotency-key") ?? "", KSUID);
    ok(await client.call("DELETE", `${PATH}/${exportId}`));
    assertError(await client.get(`${PATH}/${exportId}`), "EXPORT_NOT_FOUND");
  });

  await t.step("no export writes elsewhere on the disk", async () => {
    await using elsewhere = await makeTempDir();
    const outside = join(elsewhere.path, "file");
    await Deno.writeTextFile(outside, "kept");
    await Deno.symlink(outside, join(dir, "link"));
    const fields = async (datasource: Json) => {
      const answer = await create(client, "Elsewhere", datasource);
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      return answer.body.details[0].fieldViolations.map(({ field }: Json) => field);
    };
    for (
      const datasourceId of [
        "",
        "../x",
        outside,
        `${dir}/../x`,
        `${dir}/a/b`,
        "..",
        "a/b",
        "x\ny",
      ]
    ) {
      assert.deepEqual(await fields({ datasourceId }), ["datasource.datasourceId"], datasourceId);
    }
    for (const prefix of ["../", "a/", "/"]) {
      assert.deepEqual(await fields({ datasourceId: "x", prefix }), ["datasource.prefix"]);
    }
    for (const datasourceId of ["ftp://host/x", "http://user@host/", `file://${outside}`]) {
      assert.deepEqual(await fields({ datasourceId }), ["datasource.datasourceId"]);
    }
    assert.deepEqual(await fields({ datasourceId: "audit.jsonl", prefix: "p-" }), [
      "datasource.datasourceId",
    ], "the file of another export");
    const { exporter: { exportId } } = ok(await create(client, "Link", { datasourceId: "link" }));
    const failed = await eventually(async () => {
      const exporter = await exporterOf(client, exportId);
      return exporter.state === "EXPORT_STATE_ERROR" ? exporter : undefined;
    });
    assert.match(failed.error, /link is not a file: links are not followed$/);
    assert.equal(await Deno.readTextFile(outside), "kept");
    const moved = await client.post(`${PATH}/${exportId}`, {
      exporter: { datasource: { datasourceId: "moved" }, displayName: "ignored" },
      updateMask: "datasource",
    });
    assert.deepEqual(
      [ok(moved).exporter.displayName, moved.body.exporter.watermarkEventId],
      ["Link", ""],
    );
    await caughtUp(client, exportId);
    const search = async (body: Json) =>
      ok(await client.post("/api/v1/search/systemlog/exports", body)).list
        .map((one: Json) => one.displayName);
    assert.deepEqual(await search({ displayName: "lIn" }), ["Link"]);
    assert.deepEqual(await search({ refs: [{ exportId: ids[0] }] }), ["File"]);
    assert.deepEqual(
      ok(await client.get(PATH)).list.map((one: Json) => one.displayName),
      ["Link", "File"],
    );
  });

  for (let n = 0; n < 30; n++) await client.createFunction(`before the kill ${n}`);
  await server.stop("SIGKILL");
  const path = join(dir, "p-audit.jsonl");
  // What a batch leaves that was cut off.
  await Deno.writeTextFile(path, '{"category_uid":', { append: true });
  await using killed = await TestServer.start({ dataDir: server.dataDir, flags });

  await t.step("after a kill in the middle of a batch a file has each event once", async () => {
    const reader = new Client(killed.url, client.token);
    await reader.createFunction("after the kill");
    await caughtUp(reader, ids[0] ?? "");
    assert.deepEqual(linesIn(await Deno.readTextFile(path)), await events(reader));
  });

  await t.step("a changed database takes nothing out of a file", async () => {
    const [plain = ""] = ids;
    const files = [[plain, "p-audit.jsonl"]];
    {
      const reader = new Client(killed.url, client.token);
      for (const format of ["GZIP", "ZSTD"]) {
        const name = `kept.${format}`;
        const { exporter } = ok(
          await create(reader, name, {
            datasourceId: name,
            format: `EXPORT_FORMAT_OCSF_JSON_${format}`,
          }),
        );
        await caughtUp(reader, exporter.exportId);
        files.push([exporter.exportId, name]);
      }
      await reader.createFunction("evidence");
      for (const [id = ""] of files) await caughtUp(reader, id);
      await killed.stop();
    }
    const before = await Promise.all(files.map(([, name = ""]) => Deno.readFile(join(dir, name))));
    const db = new DatabaseSync(join(server.dataDir, "invoked.db"));
    // As if all batches were what an attempt has left.
    db.exec("update audit_exports set file_bytes = 0");
    db.close();
    await using again = await TestServer.start({ dataDir: server.dataDir, flags });
    const reader = new Client(again.url, client.token);
    await reader.createFunction("after the change");
    for (const [n, [id = "", name = ""]] of files.entries()) {
      await caughtUp(reader, id);
      const kept = before[n] ?? assert.fail();
      const after = await Deno.readFile(join(dir, name));
      assert.ok(after.length > kept.length, name);
      assert.ok(Buffer.from(after.subarray(0, kept.length)).equals(kept), name);
    }
    assert.deepEqual(linesIn(await Deno.readTextFile(path)), await events(reader));
    await again.stop();
  });

  await t.step(
    "a server without the flags exports to no file and to no private address",
    async () => {
      await using strict = await TestServer.start({ dataDir: server.dataDir });
      const reader = new Client(strict.url, client.token);
      const answer = await create(reader, "No", { datasourceId: "x" });
      assertInvalid(
        answer,
        "datasource.datasourceId",
        /exports to no files \(--audit-export-dir\)/,
      );
      await using host = new Host();
      const { exporter: { exportId } } = ok(
        await create(reader, "Private", { datasourceId: host.url }),
      );
      const { error } = await eventually(async () => {
        const exporter = await exporterOf(reader, exportId);
        return exporter.state === "EXPORT_STATE_ERROR" ? exporter : undefined;
      });
      assert.match(error, /not public but loopback \(--egress-allow-private\)$/);
      assert.deepEqual(host.lines, []);
      await strict.stop();
    },
  );
});
