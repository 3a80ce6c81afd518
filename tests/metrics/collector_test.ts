/** Metrics that a server sends to a collector: one that takes them, and others. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { HttpHost } from "../support/http_host.ts";
import { eventually } from "../support/eventually.ts";
import { TestServer } from "../support/server.ts";
import { freePort, scraped } from "./support.ts";

type Behavior = "takes" | "garbage" | "fails" | "silent" | "drips" | "huge";

/** A collector on loopback that behaves as it is set. */
class LocalCollector extends HttpHost {
  behavior: Behavior = "takes";
  readonly got: { readonly headers: Headers; readonly path: string; readonly text: string }[] = [];

  /** Waits for a request from now on. */
  async next(): Promise<void> {
    const before = this.got.length;
    await eventually(() => this.got.length > before ? true : undefined, "a request");
  }

  protected override async answer(request: Request): Promise<Response> {
    const text = new TextDecoder("latin1").decode(await request.arrayBuffer());
    this.got.push({ headers: request.headers, path: new URL(request.url).pathname, text });
    switch (this.behavior) {
      case "takes":
        return new Response(null, { headers: { "content-type": "application/x-protobuf" } });
      case "garbage":
        return new Response(crypto.getRandomValues(new Uint8Array(5_000)));
      case "huge":
        return new Response(new Uint8Array(8 * 1024 ** 2));
      case "fails":
        return new Response("no\r\n{}", { status: 400 });
      case "silent":
        return await new Promise(() => {});
      case "drips":
        return new Response(
          new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve, 300));
              controller.enqueue(new Uint8Array(1));
            },
          }),
        );
    }
  }
}

const EXPORTED = "otel_sdk_exporter_metric_data_point_exported_total";
const DROPPED = { error_type: "not_taken" };

Deno.test("a server sends metrics to a collector, and serves on without one", async (t) => {
  await using directory = await makeTempDir();
  const headersFile = join(directory.path, "headers");
  await Deno.writeTextFile(headersFile, "# of the collector\nX-Tenant: of-the-file\n");
  const port = freePort();
  await using server = await TestServer.start({
    flags: [
      ...["--metrics", "--otlp-endpoint", `http://127.0.0.1:${port}/base/`],
      ...["--otlp-headers-file", headersFile, "--otlp-interval", "1s"],
    ],
    env: {
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20of-all,x-tenant=other,x-all=1",
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: "authorization=Bearer%20of-the-variable,x-tenant=more",
    },
  });
  const client = await server.client();
  const droppedAfter = async (before: number) =>
    (await scraped(client, (page) => page.sum(EXPORTED, DROPPED) > before, "dropped points"))
      .sum(EXPORTED, DROPPED);

  let dropped = await t.step("that is down", async () => {
    await droppedAfter(0);
    assert.equal((await client.get("/readyz")).status, 200);
  }).then(() => droppedAfter(0));

  await using collector = new LocalCollector({ port });
  await t.step("that takes them", async () => {
    // The first ones can be a repetition of what a server had sent before its first request.
    const { headers, path, text } = await eventually(
      () => collector.got.find((one) => one.text.includes("http.server.request.duration")),
      "metrics of requests",
    );
    assert.deepEqual(
      [path, headers.get("content-type"), headers.get("authorization"), headers.get("x-tenant")],
      ["/base/v1/metrics", "application/x-protobuf", "Bearer of-the-variable", "of-the-file"],
    );
    assert.equal(headers.get("x-all"), "1");
    for (
      const name of ["http.server.request.duration", "process.cpu.time", "service.instance.id"]
    ) {
      assert.ok(text.includes(name), name);
    }
    await scraped(
      client,
      (page) => page.sum(EXPORTED) > page.sum(EXPORTED, DROPPED),
      "points that were taken",
    );
  });

  for (const behavior of ["fails", "huge", "silent", "drips"] as const) {
    await t.step(`that ${behavior}`, async () => {
      dropped = (await scraped(client, () => true, "")).sum(EXPORTED, DROPPED);
      collector.behavior = behavior;
      await droppedAfter(dropped);
      assert.equal((await client.get("/readyz")).status, 200);
      collector.behavior = "takes";
      await collector.next();
      await collector.next();
    });
  }

  await t.step("whose answer is garbage", async () => {
    collector.behavior = "garbage";
    await collector.next();
    await collector.next();
    assert.equal((await client.get("/readyz")).status, 200);
  });

  await t.step("once more when it stops, and logs each change once", async () => {
    collector.behavior = "takes";
    await collector.next();
    const before = collector.got.length;
    await server.stop();
    assert.ok(collector.got.length > before, "the last metrics");
    const lines = (await server.log).split("\n").filter((line) =>
      line.includes("The collector at")
    );
    const kinds = lines.map((line) => line.includes("takes no metrics") ? "down" : "up");
    assert.equal(kinds[0], "down", lines.join("\n"));
    assert.ok(kinds.length >= 10, `${kinds.length} lines for five outages`);
    assert.ok(kinds.every((kind, at) => kind !== kinds[at - 1]), kinds.join());
    assert.match(lines[1] ?? "", /takes metrics again; \d+ data points were dropped/);
    assert.ok(!lines.join("").includes("of-the-variable"), "no credential is logged");
  });
});

Deno.test("a collector that never answers does not hold a server that stops", async () => {
  const port = freePort();
  await using collector = new LocalCollector({ port });
  collector.behavior = "silent";
  await using server = await TestServer.start({
    flags: ["--otlp-endpoint", `http://127.0.0.1:${port}`, "--otlp-interval", "1s"],
  });
  await collector.next();
  assert.equal((await server.stop()).code, 0);
});

Deno.test("bad settings of metrics end the start with their name and the rule", async () => {
  await using directory = await makeTempDir();
  const file = join(directory.path, "file");
  await Deno.writeTextFile(file, "no header here\n");
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const endpoint = ["--otlp-endpoint", "https://127.0.0.1:1"];
  const inTheClear = ["--otlp-endpoint", "http://192.0.2.1:1"];
  const cases: readonly (readonly [flags: readonly string[], env: string, says: RegExp])[] = [
    [
      [...inTheClear, "--otlp-headers-file", file],
      "",
      /--otlp-headers-file is .*, but must be unset unless --otlp-endpoint is an https URL or a loop/,
    ],
    [
      inTheClear,
      "a=secret",
      /OTEL_EXPORTER_OTLP_METRICS_HEADERS is set, but must be unset unless /,
    ],
    [
      ["--otlp-endpoint", "ftp://x"],
      "",
      /--otlp-endpoint: "ftp:\/\/x" is not an http or https URL/,
    ],
    [["--otlp-endpoint", "http://a:b@x"], "", /is not an http or https URL without user/],
    [
      ["--otlp-headers-file", file],
      "",
      /--otlp-headers-file .* must be unset without --otlp-endpoint/,
    ],
    [["--trace-sample", "0.5"], "", /--trace-sample .* must be unset without --otlp-endpoint/],
    [[...endpoint, "--trace-sample", "5%"], "", /"5%" is not a decimal number from 0 to 1/],
    [[...endpoint, "--otlp-headers-file", file], "", /line 1 of --otlp-headers-file .*Name: value/],
    [
      [...endpoint, "--otlp-headers-file", `${file}x`],
      "",
      /invalid --otlp-headers-file: failed to read/,
    ],
    [[...endpoint, "--otlp-ca", file], "", /invalid --otlp-ca: .* has no certificate in PEM/],
    [endpoint, "a=%E0%A4%A,b", /entry 1 of OTEL_EXPORTER_OTLP_METRICS_HEADERS: .*name=value/],
    [
      ["--metrics-port", `${taken.addr.port}`],
      "",
      /--metrics-port \d+ of 127.0.0.1 cannot be used/,
    ],
  ];
  for (const [flags, headers, says] of cases) {
    const { code, stderr } = await runInvoked(
      ["serve", "--port", "0", "--data", join(directory.path, "data"), ...flags],
      headers === "" ? {} : { env: { OTEL_EXPORTER_OTLP_METRICS_HEADERS: headers } },
    );
    assert.notEqual(code, 0, flags.join(" "));
    assert.match(stderr, says);
    assert.ok(!stderr.includes("secret"), "no credential is printed");
  }
});
