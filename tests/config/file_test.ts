/** The configuration file: its values, its precedence, and every way to get it wrong. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ConfigError, type Given, loadConfig, type Resolved } from "../../src/config/mod.ts";

const directory = await Deno.makeTempDir();
const file = join(directory, "invoked-server.toml");
addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

function load(content: string | Uint8Array, flags: Given = {}, env: Given = {}): Resolved {
  if (typeof content === "string") Deno.writeTextFileSync(file, content);
  else Deno.writeFileSync(file, content);
  return loadConfig({ config: file, ...flags }, env);
}

/** The violations without the path of the file. */
function violationsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.violations.map((violation) => violation.replaceAll(file, "FILE"));
  }
  return [];
}

Deno.test("a flag wins over its variable, the variable over the file, the file over the default", () => {
  const text = "[server]\nport = 81\n[invocations]\nmax-running = 5\n\nmax-queued = 6\n";
  const { config, sources, file: read } = load(text, { port: "82" }, { INVOKED_MAX_RUNNING: "7" });
  assert.equal(config.server.port, 82);
  assert.equal(config.invocations.maxRunning, 7);
  assert.equal(config.invocations.maxQueued, 6);
  assert.equal(sources["server.port"], "flag");
  assert.equal(sources["invocations.maxRunning"], "variable");
  assert.equal(sources["invocations.maxQueued"], "file");
  assert.equal(sources["invocations.poolSize"], "default");
  assert.deepEqual(read?.values.get("max-queued"), { text: "6", line: 6 });
  const { config: named } = loadConfig({}, { INVOKED_CONFIG: file });
  assert.equal(named.server.port, 81);
  assert.equal(named.server.configFile, file);
});

Deno.test("values have the types of TOML, and tables all of its forms", () => {
  const { config } = load([
    "server.port = 0x50",
    'server."drain-timeout" = 0',
    'logging = { log-level = "debug", log-format = "json" }',
    "[invocations] # limits",
    'max-running = 1_000\r\nmemory = "1GB"',
    "[tests]\ncheck-types = false",
    "[egress]",
    'egress-allow-private = [\n  "10.0.0.0/8", # a network\n  "::1",\n]',
    'egress-ca = "ca.pem"',
    '[cluster]\nnats-ca = """/a/b.pem"""',
  ].join("\n"));
  assert.equal(config.server.port, 80);
  assert.equal(config.server.drainTimeoutMs, 0);
  assert.deepEqual(config.log, { level: "debug", format: "json" });
  assert.equal(config.invocations.maxRunning, 1000);
  assert.equal(config.invocations.memoryBytes, 1_000_000_000);
  assert.equal(config.tests.checkTypes, false);
  assert.deepEqual(config.egress.allowPrivate, ["10.0.0.0/8", "::1/128"]);
  assert.equal(config.egress.caFile, join(directory, "ca.pem"), "relative to the file");
  assert.equal(config.nats.caFile, "/a/b.pem");
  // A mark of the byte order, as some editors write it.
  assert.equal(load("\ufeff[server]\nport = 1").config.server.port, 1);
  assert.equal(load("").file?.values.size, 0);
});

/** Each text with its violations. */
const WRONG: readonly (readonly [text: string, ...violations: string[]])[] = [
  ["[server]\nprot = 1", "Unknown key prot of [server] (FILE:2); did you mean port?"],
  [
    "[server]\nlog_level = 1",
    "Unknown key log_level of [server] (FILE:2); did you mean log-level of [logging]?",
  ],
  ["[server]\nqqqqqqqqqq = 1", "Unknown key qqqqqqqqqq of [server] (FILE:2)"],
  [
    '[server]\nlog-level = "debug"',
    "Key log-level of [server] (FILE:2) is in the wrong table: move the key to [logging]",
  ],
  ["\nport = 80", "Key port (FILE:2) needs its table: move the key to [server]"],
  ["[loging]", "Unknown table [loging] (FILE:1); did you mean [logging]?"],
  ['[log]\nlog-level = "debug"', "Unknown table [log] (FILE:1); did you mean [logging]?"],
  ["xyzzy.a = 1", "Unknown table [xyzzy] (FILE:1)"],
  ["[server.tls]\na = 1", "Unknown table [server.tls] (FILE:1); did you mean [server]?"],
  [
    "[[server]]\nport = 1",
    "Invalid [[server]] (FILE:1): an array of tables, but must be the table [server]",
  ],
  [
    '[server]\nport = "80"',
    'Invalid [server] port (FILE:2): "80" is a string, but must be an integer: a whole number from 0 to 65535',
  ],
  [
    "[server]\nport = 65536",
    'Invalid [server] port (FILE:2): "65536" is not a whole number from 0 to 65535',
  ],
  [
    "[server]\nport = 99999999999999999999",
    'Invalid [server] port (FILE:2): "99999999999999999999" is not a whole number from 0 to 65535',
  ],
  [
    '[logging]\nlog-level = "loud"',
    'Invalid [logging] log-level (FILE:2): "loud" is not one of debug, info, warning, error',
  ],
  [
    '[telemetry]\ntrace-sample = "0.5"',
    'Invalid [telemetry] trace-sample (FILE:2): "0.5" is a string, but must be a number: a decimal number from 0 to 1, such as 0.05',
  ],
  [
    "[telemetry]\ntrace-sample = 1.5",
    'Invalid [telemetry] trace-sample (FILE:2): "1.5" is not a decimal number from 0 to 1, such as 0.05',
  ],
  [
    "[tests]\ncheck-types = 1",
    "Invalid [tests] check-types (FILE:2): 1 is an integer, but must be a boolean: true or false",
  ],
  [
    '[server]\nhost = ""',
    "[server] host (FILE:2) is empty; omit it, or give a host name or an IP " +
    "address (IPv6 without brackets)",
  ],
  [
    "[server]\nhost = { a = 1 }",
    "Invalid [server] host (FILE:2): { a = 1 } is a table, but must be a string: a host name or an " +
    "IP address (IPv6 without brackets)",
  ],
  [
    '[identity]\nmaster-key = "AAAA"',
    "Key master-key of [identity] (FILE:2) is not a key of the file: the file contains no secrets; " +
    "set INVOKED_MASTER_KEY, or master-key-file to the path of a file with the secret",
  ],
  [
    '[server]\nconfig = "a"',
    "Key config of [server] (FILE:2) is not a key of the file: give --config or INVOKED_CONFIG",
  ],
  [
    '[server]\nmax-body = "8MiB"',
    "[server] max-body (FILE:2) is 8 MiB, but must be at least 8,256 KiB to hold the base64 form of an input of 6 MiB",
  ],
  [
    "[server]\nport = 1\nport = 2",
    "Invalid TOML at FILE:3:1: Defining a key multiple times is invalid",
  ],
  ["[server\n", "Invalid TOML at FILE:2:1: "],
  ['a = "\u0000"', "Invalid TOML at FILE:1:6: "],
  ['["\\u001b[31m"]', 'Unknown table ["\\u001b[31m"] (FILE:1)'],
  [
    `[server]\nhost = ${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    "Invalid TOML in FILE: nested too deeply",
  ],
  [`[${"a.".repeat(1000)}a]`, `Unknown table [${"a.".repeat(40)}] (FILE:1)`],
  [
    "[__proto__]\n[constructor]\ntoString = 1",
    "Unknown table [__proto__] (FILE:1)",
    "Unknown table [constructor] (FILE:2)",
  ],
];

Deno.test("what is wrong is named with its line, table, key, value, rule and likely name", () => {
  for (const [text, ...expected] of WRONG) {
    const violations = violationsOf(() => load(text));
    assert.equal(violations.length, expected.length, `${text}: ${violations.join("; ")}`);
    for (const [index, violation] of violations.entries()) {
      const wanted = expected[index] ?? "";
      const isPrefix = wanted.endsWith(": ");
      assert.equal(isPrefix ? violation.slice(0, wanted.length) : violation, wanted, text);
    }
  }
  assert.deepEqual(violationsOf(() => load('a = 1\n[server]\nb = 1\nhost = "x y"')).length, 3);
});

Deno.test("elements of a list with commas are rejected, because they would become two", () => {
  const named = "[server] trusted-proxies (FILE:2)";
  const mustBe = "must be a string without commas: ";
  for (
    const [list, wanted] of [
      ["[]", `${named} is empty; omit it, or give `],
      [
        '["::1", "10.0.0.0/8,::1"]',
        `Invalid ${named}: element 2, "10.0.0.0/8,::1", has a comma, but ${mustBe}`,
      ],
      ['["::1", 1]', `Invalid ${named}: element 2, 1, is an integer, but ${mustBe}`],
      ['[["::1"]]', `Invalid ${named}: element 1, ["::1"], is an array, but ${mustBe}`],
      ["1", `Invalid ${named}: 1 is an integer, but must be an array of strings without commas: `],
    ] as const
  ) {
    const [violation = ""] = violationsOf(() => load(`[server]\ntrusted-proxies = ${list}`));
    assert.equal(violation.slice(0, wanted.length), wanted, list);
  }
});

Deno.test("a password in a file that every user can read is rejected", async () => {
  const text = '[database]\ndatabase = "postgres://user:hunter2@db/name"';
  for (const [mode, isRejected] of [[0o644, true], [0o604, true], [0o640, false]] as const) {
    await Deno.writeTextFile(file, text);
    await Deno.chmod(file, mode);
    const violations = violationsOf(() => loadConfig({ config: file }, {}));
    assert.equal(violations.length, isRejected ? 1 : 0, violations.join());
    if (isRejected) {
      assert.match(violations[0] ?? "", /^\[database\] database \(FILE:2\) contains a secret, /);
    }
    assert.ok(!violations.join().includes("hunter2"));
    // The value in force comes from elsewhere.
    const env = { INVOKED_DATABASE: "postgres://user@db/name" };
    assert.deepEqual(violationsOf(() => loadConfig({ config: file }, env)), []);
  }
  // What does not parse may hold a password all the same.
  await Deno.writeTextFile(file, text.replace("@db", "@db:99999999"));
  for (const [mode, count] of [[0o644, 2], [0o640, 1]] as const) {
    await Deno.chmod(file, mode);
    const violations = violationsOf(() => loadConfig({ config: file }, {}));
    assert.equal(violations.length, count, violations.join());
    assert.match(violations[0] ?? "", /^Invalid \[database\] database \(FILE:2\): /);
    if (count === 2) {
      assert.match(violations[1] ?? "", /\(FILE:2\) may contain a secret, but every /);
    }
    assert.ok(!violations.join().includes("hunter2"));
  }
  await Deno.writeTextFile(file, text.replace(":hunter2", ""));
  await Deno.chmod(file, 0o644);
  assert.deepEqual(violationsOf(() => loadConfig({ config: file }, {})), []);
});

Deno.test("a file that every user can change is rejected", async () => {
  const nested = join(directory, "nested");
  const inside = join(nested, "invoked-server.toml");
  const link = join(directory, "link.toml");
  await Deno.mkdir(nested);
  await Deno.writeTextFile(inside, "[server]\nport = 1");
  await Deno.symlink(inside, link);
  for (
    const [folderMode, mode, ending] of [
      [0o755, 0o644, undefined],
      [0o755, 0o666, `may be changed by every user; run chmod o-w `],
      [0o755, 0o602, `may be changed by every user; run chmod o-w `],
      [0o777, 0o644, `is in a folder in which every user may replace it; run chmod o-w ${nested}`],
      [0o1777, 0o644, undefined],
    ] as const
  ) {
    await Deno.chmod(nested, folderMode);
    await Deno.chmod(inside, mode);
    for (const path of [inside, link]) {
      const wanted = ending?.endsWith(" ") ? ending + path : ending;
      assert.deepEqual(
        violationsOf(() => loadConfig({ config: path }, {})),
        wanted === undefined ? [] : [`Configuration file ${path} ${wanted}`],
      );
    }
  }
});

Deno.test("a file that cannot be read is named with the reason", async () => {
  const named = (reason: string) => [`Configuration file FILE ${reason}`];
  assert.deepEqual(
    violationsOf(() => load(new Uint8Array([0x23, 0xff]))),
    named("is not UTF-8 text"),
  );
  const large = `#${"x".repeat(256 * 1024)}`;
  assert.deepEqual(
    violationsOf(() => load(large)),
    named("has 262,145 B, but must have at most 256 KiB"),
  );
  await Deno.remove(file);
  const read = () => loadConfig({ config: file }, {});
  assert.deepEqual(violationsOf(read), named("does not exist"));
  await Deno.mkdir(file);
  assert.deepEqual(violationsOf(read), named("is not a regular file"));
  await Deno.remove(file);
  assert.ok((await new Deno.Command("mkfifo", { args: [file] }).output()).success);
  assert.deepEqual(violationsOf(read), named("is not a regular file"));
  await Deno.remove(file);
  assert.match(violationsOf(() => loadConfig({ config: "" }, {})).join(), /^--config is empty/);
});
