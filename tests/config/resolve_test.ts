import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { isAbsolute, resolve } from "node:path";
import {
  ALL_SETTINGS,
  ConfigError,
  type Given,
  resolveConfig,
  Secret,
  variableOf,
} from "../../src/config/mod.ts";

const MASTER_KEY = Buffer.alloc(32, 7).toString("base64");

function violationsOf(flags: Given, env: Given = {}): readonly string[] {
  try {
    resolveConfig(flags, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.message, error.violations.join("\n"));
    return error.violations;
  }
  return [];
}

/** Flags with exactly one violation, which says all of this. */
function assertViolation(flags: Given, ...parts: readonly string[]): void {
  assertSays(flags, violationsOf(flags), parts);
}

/** Variables with exactly one violation, which says all of this. */
function assertVariable(env: Given, ...parts: readonly string[]): void {
  assertSays(env, violationsOf({}, env), parts);
}

function assertSays(given: Given, violations: readonly string[], parts: readonly string[]): void {
  assert.equal(violations.length, 1, `${JSON.stringify(given)}: ${violations.join("; ")}`);
  for (const part of parts) {
    assert.ok(violations[0]?.includes(part), `${violations[0]} lacks ${part}`);
  }
}

Deno.test("the defaults alone make a configuration", () => {
  const { config, sources } = resolveConfig({}, {});
  assert.equal(config.server.host, "127.0.0.1");
  assert.equal(config.server.port, 8080);
  assert.equal(config.server.publicUrl, undefined);
  assert.equal(config.server.dataDir, resolve(".invoked"));
  assert.equal(config.server.maxBodyBytes, 12 * 1024 ** 2);
  assert.equal(config.invocations.timeoutMs, 60_000);
  assert.equal(config.identity.masterKey, undefined);
  assert.deepEqual(config.builder.registryEnv, {});
  assert.deepEqual(new Set(Object.values(sources)), new Set(["default"]));
});

Deno.test("a flag wins over its variable, the variable over the default", () => {
  const env = { INVOKED_PORT: "81", INVOKED_MEMORY: "256MiB", PORT: "83" };
  const { config, sources } = resolveConfig({ port: "82", host: undefined }, env);
  assert.equal(config.server.port, 82);
  assert.equal(config.invocations.memoryBytes, 256 * 1024 ** 2);
  assert.equal(sources["server.port"], "flag");
  assert.equal(sources["invocations.memoryBytes"], "variable");
  assert.equal(sources["server.host"], "default");
});

Deno.test("the configuration is frozen to its depths", () => {
  const { config } = resolveConfig({}, { INVOKED_MASTER_KEY: MASTER_KEY, HTTP_PROXY: "http://p" });
  for (const group of [config, ...Object.values(config), config.builder.registryEnv]) {
    assert.ok(Object.isFrozen(group));
  }
});

Deno.test("every violation is reported at once, by the name that was used", () => {
  const violations = violationsOf({ port: "http", memory: "128" }, {
    INVOKED_LOG_LEVEL: "loud",
    INVOKED_UPLOAD_TTL: "60",
  });
  assert.equal(violations.length, 4);
  const expected = [
    'Invalid --port: "http" is not a whole number',
    'Invalid --memory: "128" is not a size',
    'Invalid INVOKED_LOG_LEVEL: "loud" is not one of',
    'Invalid INVOKED_UPLOAD_TTL: "60" is not a duration',
  ];
  for (const start of expected) {
    assert.ok(violations.some((violation) => violation.startsWith(start)), start);
  }
});

Deno.test("unknown names are violations that name the nearest setting", () => {
  assertVariable({ INVOKED_PROT: "1" }, "Unknown setting INVOKED_PROT", "INVOKED_PORT?");
  assertViolation({ "max-bodi": "1MiB" }, "Unknown setting --max-bodi", "--max-body?");
  assertViolation({ "master-key": MASTER_KEY }, "Unknown setting --master-key");
  assert.deepEqual(violationsOf({}, { INVOKE: "1", invoked_port: "x", NOT_INVOKED_X: "1" }), []);
});

Deno.test("an empty value is a violation, not an absence", () => {
  assertViolation({ host: "" }, "--host is empty");
  assertVariable({ INVOKED_MASTER_KEY: "" }, "INVOKED_MASTER_KEY is empty");
});

Deno.test("values outside of their range are rejected", () => {
  assertViolation({ port: "65536" }, "--port", "65536", "0 to 65535");
  assertViolation({ port: "-1" }, "-1");
  assertViolation({ "pool-size": "0" }, "--pool-size", "1 to 1,000");
  assertViolation({ "invocation-timeout": "0" }, "100 ms to 24 h");
  assertViolation({ "log-format": "xml" }, "auto, json, pretty");
});

Deno.test("the host is a name or an address", () => {
  for (const host of ["0.0.0.0", "::1", "::", "localhost", "api-1.example.com"]) {
    assert.equal(resolveConfig({ host }, {}).config.server.host, host);
  }
  for (const host of ["[::1]", "1.2.3", "1.2.3.256", "a b", "a/b", "a:80", "-a", "a..b", "a\n"]) {
    assertViolation({ host }, "Invalid --host: ");
  }
});

Deno.test("a collector has an http or https URL, and its settings need it", () => {
  const urlOf = (url: string) =>
    resolveConfig({ "otlp-endpoint": url }, {}).config.telemetry.otlpEndpoint;
  assert.equal(urlOf("http://otel:4318"), "http://otel:4318");
  assert.equal(urlOf("https://otel.example/base/"), "https://otel.example/base");
  for (
    const url of ["otel:4318", "http://a:b@otel", "http://otel?a", "http://otel#a", "file:///a"]
  ) {
    assertViolation({ "otlp-endpoint": url }, "Invalid --otlp-endpoint: ");
  }
  assertViolation({ "otlp-ca": "ca" }, "--otlp-ca", "unset without --otlp-endpoint");
  const plain = { "otlp-endpoint": "http://otel", "otlp-ca": "ca" };
  assertViolation(plain, "--otlp-ca", "unset with a collector at an http URL");
  const names = ["HEADERS", "METRICS_HEADERS", "TRACES_HEADERS"]
    .map((name) => `OTEL_EXPORTER_OTLP_${name}`);
  const env = Object.fromEntries(names.toReversed().map((name) => [name, `${name}=secret`]));
  const { telemetry } = resolveConfig({}, env).config;
  const read = Object.entries(telemetry.environmentHeaders);
  assert.deepEqual(
    read.map(([name, value]) => [name, value.reveal()]),
    names.map((name) => [name, `${name}=secret`]),
  );
  assert.ok(!JSON.stringify(telemetry).includes("secret"));
});

Deno.test("the ratio of traces is a number from 0 to 1, and needs a collector", () => {
  const ratioOf = (ratio: string) =>
    resolveConfig({ "otlp-endpoint": "http://otel", "trace-sample": ratio }, {})
      .config.telemetry.traceSample;
  const accepted = { "0": 0, "1": 1, "0.05": 0.05, ".5": 0.5, "1.0": 1, "1e-3": 0.001 };
  for (const [text, value] of Object.entries(accepted)) assert.equal(ratioOf(text), value);
  for (const ratio of ["-0.1", "1.1", "5%", "1/2", "0x1", "NaN", "1e400", "2e", " 1"]) {
    assertViolation({ "trace-sample": ratio }, "Invalid --trace-sample: ", "from 0 to 1");
  }
  assertViolation({ "trace-sample": "1" }, "--trace-sample", "unset without --otlp-endpoint");
  assertViolation({ "trace-slow": "0" }, "--trace-slow", "1 ms to 24 h");
});

Deno.test("the URL of traces has the id once, after the host", () => {
  const accepted = [
    "https://traces.example/trace/{traceId}",
    "http://[::1]:16686/trace/{traceId}?x=%7B1%7D",
    "HTTPS://traces.example/#/{traceId}",
    "https://traces.example/explore?left={%22query%22:%22{traceId}%22}",
    "https://traces.example/@me/{traceId}",
  ];
  for (const url of accepted) {
    assert.equal(resolveConfig({ "trace-url": url }, {}).config.telemetry.traceUrl, url);
  }
  const rejected = [
    "https://traces.example/trace",
    "https://traces.example/{traceId}/{traceId}",
    "https://traces.example/{traceid}",
    "https://traces.example/{traceId}/{spanId}",
    "https://{traceId}.example/",
    "https://{traceId}/",
    "https://a:b@traces.example/{traceId}",
    "javascript:alert('{traceId}')",
    "data:text/html,{traceId}",
    "ftp://traces.example/{traceId}",
    "//traces.example/{traceId}",
    "https:///{traceId}",
    "https://traces.example/{traceId}\n",
    "https://traces.example/\x01{traceId}",
    " https://traces.example/{traceId}",
    "https://traces.example/é/{traceId}",
    "https://traces.example:99999/{traceId}",
    `https://traces.example/{traceId}?${"x".repeat(2_048)}`,
  ];
  for (const url of rejected) {
    assertViolation({ "trace-url": url }, "Invalid --trace-url: ", "{traceId} once");
  }
});

Deno.test("an invalid network is named among valid ones", () => {
  const networks = "10.0.0.0/8, ::1, 192.0.2.7";
  assert.deepEqual(
    resolveConfig({ "trusted-proxies": networks }, {}).config.server.trustedProxies,
    ["10.0.0.0/8", "::1/128", "192.0.2.7/32"],
  );
  for (
    const bad of ["10.0.0.0/33", "::1/129", "10.1/16", "010.0.0.0/8", "proxy", "", "::1/", "1/8"]
  ) {
    assertViolation(
      { "trusted-proxies": `10.0.0.0/8,${bad},::1` },
      `Invalid --trusted-proxies: ${JSON.stringify(bad)} is not a network such as`,
    );
  }
});

Deno.test("the public URL is a host alone", () => {
  const urlOf = (text: string) => resolveConfig({ "public-url": text }, {}).config.server.publicUrl;
  assert.equal(urlOf("https://api.example.com"), "https://api.example.com");
  assert.equal(urlOf("HTTP://API.example.com:81/"), "http://api.example.com:81");
  const rejected = [
    "api.example.com",
    "ftp://a",
    "https://a/b",
    "https://a?b",
    "https://a/#b",
    "https://u:p@a",
    "https://",
    "https://a\\b",
    "javascript:alert(1)",
  ];
  for (const url of rejected) assertViolation({ "public-url": url }, "Invalid --public-url: ");
});

Deno.test("the data directory is absolute", () => {
  assert.ok(isAbsolute(resolveConfig({ data: "../x" }, {}).config.server.dataDir));
  assertViolation({ data: "a\0b" }, "Invalid --data: ");
});

Deno.test("the master key is 32 bytes and is in no message", () => {
  const { config } = resolveConfig({}, { INVOKED_MASTER_KEY: MASTER_KEY });
  assert.ok(config.identity.masterKey instanceof Secret);
  assert.equal(config.identity.masterKey.reveal(), MASTER_KEY);
  const rejected = ["hunter2", MASTER_KEY.slice(0, -1), MASTER_KEY + "\n", "A".repeat(44)];
  for (const key of rejected) {
    assertVariable({ INVOKED_MASTER_KEY: key }, "INVOKED_MASTER_KEY: the value is not", "32 bytes");
    assert.ok(!violationsOf({}, { INVOKED_MASTER_KEY: key }).join().includes(key));
  }
});

Deno.test("settings that contradict each other are rejected", () => {
  assertViolation({ "max-body": "8MiB" }, "--max-body is 8 MiB", "at least", "input of 6 MiB");
  assertViolation({ "max-commit": "12MiB" }, "--max-body is 12 MiB by default", "commit of 12 MiB");
  assertViolation({ "max-file": "5MiB" }, "--max-commit is 4 MiB by default", "5 MiB");
  assertViolation({ "header-timeout": "2m" }, "--request-timeout is 60 s by default", "2 min");
  assertViolation({ memory: "32MiB", "max-output": "9MiB" }, "--memory is 32 MiB", "36 MiB");
  const listed = (hosts: string, more = {}) => ({ "endpoint-hosts": hosts, ...more });
  const origin = "https://invoked.example.com";
  assertViolation(
    listed("a.example.com,localhost"),
    "--endpoint-hosts",
    "without localhost, a host",
  );
  assertViolation(
    listed("a.example.com,b.example.com", { host: "b.example.com", "public-url": origin }),
    "without b.example.com",
  );
  assertViolation(
    listed("a.example.com", { "endpoint-domain": "example.com", "public-url": origin }),
    "--endpoint-domain",
    "another one than that of invoked.example.com",
  );
  assertViolation({ "max-artifact": "3MiB" }, "--max-artifact is 3 MiB", "4 MiB");
});

Deno.test("the variables of package downloads are passed on unchanged", () => {
  const passedOn = { npm_config_registry: "http://r/", HTTPS_PROXY: "http://u:p@h", no_proxy: "" };
  const env = { ...passedOn, PATH: "/bin", NPM_TOKEN: "x", npm_config_cache: "/c" };
  assert.deepEqual(resolveConfig({}, env).config.builder.registryEnv, passedOn);
});

Deno.test("flags and variables are unique and say what they do", () => {
  const names = ALL_SETTINGS.map(({ setting }) => setting.name);
  assert.equal(new Set(names).size, names.length);
  for (const { setting, path } of ALL_SETTINGS) {
    assert.match(variableOf(setting), /^INVOKED_[A-Z_]+$/, path);
    assert.match(setting.description, /^[A-Z].{5,75}[^.]$/, path);
  }
});

Deno.test("the issuer is an https URL, or an http URL of loopback", () => {
  const issuerOf = (text: string) =>
    resolveConfig({ "oidc-issuer": text, "oidc-client-id": "c" }, {}).config.oidc.issuer;
  const accepted = [
    ...["https://login.example.com", "https://login.example.com/", "https://a.example/realms/x"],
    ...["http://127.0.0.1:9000", "http://localhost/realms/x", "http://[::1]:9000"],
  ];
  for (const url of accepted) assert.equal(issuerOf(url), url);
  const rejected = [
    ...["http://login.example.com", "login.example.com", "https://u:p@a.example", "https://"],
    ...[
      "https://a.example?x=1",
      "https://a.example/#x",
      "http://127.0.0.1.evil.example",
      "ftp://a",
    ],
    ...["http://localhost.evil.example", "https://a b"],
  ];
  for (const url of rejected) {
    const flags = { "oidc-issuer": url, "oidc-client-id": "c" };
    assertViolation(flags, `Invalid --oidc-issuer: ${JSON.stringify(url)} is not an https URL`);
  }
});

Deno.test("groups of the provider give roles", () => {
  const flags = { "oidc-issuer": "https://a.example", "oidc-client-id": "c" };
  const mapOf = (text: string) =>
    resolveConfig({ ...flags, "oidc-role-map": text }, {}).config.oidc.roleMap;
  const id = "A".repeat(27);
  assert.deepEqual(mapOf(`dev=functions:developer, /a=b/c=administrator,x%2Cy%25=${id}`), [
    { group: "dev", role: "functions:developer" },
    { group: "/a=b/c", role: "administrator" },
    { group: "x,y%", role: id },
  ]);
  for (
    const bad of ["dev", "=system:owner", "dev=", "dev=a b", "dev=Owner", "%=system:owner", ""]
  ) {
    assertViolation(
      { ...flags, "oidc-role-map": `a=system:user,${bad}` },
      `Invalid --oidc-role-map: ${JSON.stringify(bad)} is not GROUP=ROLE`,
    );
  }
});

Deno.test("settings of the provider need a provider", () => {
  const id = { "oidc-client-id": "c" };
  const must = "unset without --oidc-issuer";
  assertViolation({ "oidc-issuer": "https://a.example" }, "together with --oidc-client-id");
  assertViolation(id, "--oidc-client-id is c", must);
  assertViolation({ "oidc-client-secret-file": "/s" }, "--oidc-client-secret-file is /s", must);
  assertViolation({ "oidc-ca": "/ca" }, "--oidc-ca is /ca", must);
  assertViolation({ "oidc-role-map": "a%2C=system:user" }, "is a%2C=system:user", must);
  assertVariable({ INVOKED_OIDC_ONLY: "true" }, "INVOKED_OIDC_ONLY is true", "false without");
  assertViolation({ "oidc-refresh": "16m" }, "--oidc-refresh", "1 s to 15 min");
  assertViolation({ ...id, "oidc-groups-claim": "a b" }, "--oidc-groups-claim", '"a b"');
});

Deno.test("the URL of alerts is a secret, and has one source", () => {
  const url = "https://hooks.example.com/services/T0KEN?key=T0KEN";
  const { config } = resolveConfig({ "alert-url": url }, {});
  assert.equal(config.alerts.url?.reveal(), url);
  assert.equal(config.alerts.url?.label, "https://hooks.example.com/…");
  assert.ok(!Deno.inspect(config.alerts).includes("hooks"));
  assert.equal(JSON.stringify(config.alerts.url), '"********"');
  for (
    const wrong of [
      "hooks.example.com/T0KEN",
      "ftp://hooks.example.com/T0KEN",
      "https://user:T0KEN@hooks.example.com/",
      "https://hooks.example.com/T0KEN#part",
      `https://hooks.example.com/T0KEN/${"a".repeat(2_048)}`,
    ]
  ) {
    const [violation = ""] = violationsOf({ "alert-url": wrong });
    assert.match(violation, /^Invalid --alert-url: the value is not an http or https URL /);
    assert.ok(!violation.includes("T0KEN"), violation);
  }
  const both = { "alert-url": url, "alert-url-file": "/url" };
  assertViolation(both, "--alert-url-file is /url, but must be unset with --alert-url");
  assertViolation(
    { "alert-secret-file": "/secret" },
    "--alert-secret-file is /secret, but must be unset without --alert-url and --alert-url-file",
  );
  assertViolation({ "alert-interval": "999ms" }, "--alert-interval", "from 1 s to 1 h");
});
