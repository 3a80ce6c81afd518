import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { Ajv } from "ajv";
import { ALL_SETTINGS, loadConfig } from "../../src/config/mod.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { readText } from "../support/repository.ts";

const MASTER_KEY = Buffer.alloc(32, 7).toString("base64");
const ENV = {
  INVOKED_ALERT_URL: "https://hooks.example.com/T0KEN",
  INVOKED_MASTER_KEY: MASTER_KEY,
  INVOKED_UPLOAD_TTL: "30m",
  HTTPS_PROXY: "http://user:pass/w@rd@proxy:3128",
};

Deno.test("config prints value and source of every setting, with masked secrets", async () => {
  const { code, stdout } = await runInvoked(["config", "--memory", "256MiB"], { env: ENV });
  assert.equal(code, 0);
  const rows = stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/));
  assert.equal(rows.length, 1 + ALL_SETTINGS.length + 1);
  const row = (name: string) => rows.find(([first]) => first === name)?.slice(1);
  assert.deepEqual(row("SETTING"), ["VALUE", "SOURCE"]);
  assert.deepEqual(row("--memory"), ["256 MiB", "flag"]);
  assert.deepEqual(row("--upload-ttl"), ["30 min", "variable"]);
  assert.deepEqual(row("--port"), ["8080", "default"]);
  assert.deepEqual(row("--public-url"), ["none", "default"]);
  assert.deepEqual(row("--data"), ["/.invoked", "default"]);
  assert.deepEqual(row("--alert-url"), ["********", "variable"]);
  assert.deepEqual(row("INVOKED_MASTER_KEY"), ["********", "variable"]);
  assert.deepEqual(row("HTTPS_PROXY"), ["http://********@proxy:3128", "variable"]);
});

Deno.test("config --json prints numbers in milliseconds and bytes, secrets masked", async () => {
  const { code, stdout } = await runInvoked(["config", "--json"], { env: ENV });
  assert.equal(code, 0);
  const settings = JSON.parse(stdout);
  assert.deepEqual(settings["commits.uploadTtlMs"], { value: 1_800_000, source: "variable" });
  assert.deepEqual(settings["server.maxBodyBytes"], { value: 12_582_912, source: "default" });
  assert.deepEqual(settings["server.publicUrl"], { value: null, source: "default" });
  assert.deepEqual(settings["identity.masterKey"], { value: "********", source: "variable" });
  assert.equal(Object.keys(settings).length, ALL_SETTINGS.length + 1);
  for (const secret of [MASTER_KEY, "pass/w", "rd@", "T0KEN"]) {
    assert.ok(!stdout.includes(secret), secret);
  }
});

Deno.test("config shows the line of the file, and prints a file with the same values", async (t) => {
  await using directory = await makeTempDir();
  const file = join(directory.path, "invoked-server.toml");
  const given = [
    ...["--host", "::1", "--memory", "256MiB", "--max-running", "1,000", "--check-types", "false"],
    ...["--trusted-proxies", "10.0.0.0/8,::1", "--log-level", "error", "--retention", "30d"],
    ...["--oidc-issuer", "https://a.example", "--oidc-client-id", 'a"\\b'],
    ...["--oidc-role-map", "a%2Cb=invoker"],
  ];
  const env = {
    INVOKED_DATABASE: "postgres://user:hidden@db/name",
    INVOKED_ALERT_URL: "https://hooks.example.com/hidden",
    INVOKED_MASTER_KEY: MASTER_KEY,
  };
  const printed = await runInvoked(["config", "--toml", ...given], { env });
  assert.equal(printed.code, 0, printed.stderr);
  await Deno.writeTextFile(file, printed.stdout);
  const json = async (args: string[]) => {
    const { code, stdout, stderr } = await runInvoked(["config", "--json", ...args]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };

  await t.step("without a secret", () => {
    for (const secret of ["hidden", MASTER_KEY]) assert.ok(!printed.stdout.includes(secret));
    assert.match(printed.stdout, /^database = "" # fill in: it contains a secret$/m);
    assert.match(printed.stdout, /^alert-url = "" # fill in: it contains a secret$/m);
    assert.match(printed.stderr, /^note: the value of database, alert-url contains a secret /);
    assert.throws(
      () => loadConfig({ config: file }, {}),
      /^ConfigError: \[database\] database .*empty/,
    );
  });
  await t.step("the whole URL of a database without a password", async () => {
    const urls = [
      "postgres://us%20er@[::1]:1/db?sslmode=verify-ca&sslrootcert=/a%26b.pem&connect_timeout=7",
      "postgres://user@/db?host=/run/a%26b&application_name=x%20y",
    ];
    for (const url of urls) {
      const { code, stdout, stderr } = await runInvoked(["config", "--toml", "--database", url]);
      assert.deepEqual([code, stderr], [0, ""]);
      const other = join(directory.path, "database.toml");
      await Deno.writeTextFile(other, stdout);
      const { database } = loadConfig({ config: other }, {}).config;
      assert.deepEqual(
        database.url?.fields,
        loadConfig({ database: url }, {}).config.database.url?.fields,
      );
    }
  });
  await Deno.writeTextFile(file, printed.stdout.replace(/^(?:database|alert-url) = .*$/gm, ""));
  await t.step("the file gives the values of the flags, each with its line", async () => {
    const [byFlags, byFile] = [await json(given), await json(["--config", file])];
    const lines = printed.stdout.split("\n");
    for (const { path, setting } of ALL_SETTINGS) {
      if (path === "server.configFile") continue;
      const { value, source } = byFlags[path];
      const line = lines.findIndex((text) => text.startsWith(`${setting.name} = `)) + 1;
      const expected = source === "flag"
        ? { value, source: "file", file, line }
        : { value, source };
      assert.deepEqual(byFile[path], expected, path);
    }
    const { stdout } = await runInvoked(["config"], { env: { INVOKED_CONFIG: file } });
    const line = lines.indexOf('log-level = "error"') + 1;
    assert.match(
      stdout,
      new RegExp(`^--log-level +error +\\S.*/invoked-server\\.toml:${line}$`, "m"),
    );
  });
  await t.step("every default, too, and the schema agrees", async () => {
    const all = printed.stdout.replace(/^#([a-z-]+ = [^#].*)$/gm, "$1")
      .replace(/^(?:data|database|alert-url|oidc-.*|max-running) = .*$/gm, "");
    await Deno.writeTextFile(file, all);
    const { config, file: read } = loadConfig({ config: file }, {});
    assert.ok((read?.values.size ?? 0) > ALL_SETTINGS.length / 2);
    assert.equal(config.server.drainTimeoutMs, 30_000);
    const schema = JSON.parse(await readText("invoked-server.schema.json"));
    const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
    const { getStaticTOMLValue, parseTOML } = await import("toml-eslint-parser");
    assert.ok(validate(getStaticTOMLValue(parseTOML(all))), JSON.stringify(validate.errors));
    const bad =
      '[server]\nport = "80"\nprot = 1\nmax-body = "1"\n[logs]\n[builder]\nmax-builds = 0';
    assert.ok(!validate(getStaticTOMLValue(parseTOML(bad))));
    assert.deepEqual(
      new Set(validate.errors?.map(({ instancePath }) => instancePath)),
      new Set(["", "/server", "/server/port", "/server/max-body", "/builder/max-builds"]),
    );
  });
});
