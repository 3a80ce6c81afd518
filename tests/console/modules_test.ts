/** What the pages of the console compute without a page: texts, filters, paths and differences. */
import assert from "node:assert/strict";
import {
  draftOf,
  fieldsBetween,
  requestOf,
} from "../../console/src/features/function/triggers/drafts.ts";
import {
  durationIn,
  durationText,
  pathViolation,
} from "../../console/src/features/function/typed_values.ts";
import { configText, curlOf, headersIn } from "../../console/src/features/function/snippets.ts";
import {
  issuerAfter,
  NEW_TRUST,
  sampleOf,
  stepsOf,
  trustChanges,
} from "../../console/src/features/access/federation.ts";
import {
  datasourceOf,
  exportDraftOf,
  hasMoved,
} from "../../console/src/features/audit/exporters.ts";
import { apiFilterOf, listSearchOf } from "../../console/src/features/invocations/filter.ts";
import { browserOf } from "../../console/src/parts/browsers.ts";
import { withLineEnds } from "../../console/src/parts/files.ts";
import { formatBytes, formatDuration, visibleText } from "../../console/src/parts/format.ts";
import { lineCounts } from "../../console/src/parts/line_changes.ts";
import { timeOfLocal } from "../../console/src/parts/time_range.ts";
import { lifetimeOf, linesOf, NEVER } from "../../console/src/shell/limits.ts";
import { isSameRights } from "../../console/src/shell/rights.ts";
import { Ids } from "../../src/domain/ids.ts";
import { timeOfKsuid } from "../../src/shared/ksuids.ts";
import { slugOf } from "../../src/shared/slugs.ts";

Deno.test("line ends stay those of the file", () => {
  for (
    const [before, edited, after] of [
      ["one\r\ntwo\r\n", "one\nthree\nfour\n", "one\r\nthree\r\nfour\r\n"],
      ["one\ntwo\r\nthree\n", "one\n2\nthree\n", "one\n2\nthree\n"],
      ["one\r\ntwo\nthree\r\n", "one\ntwo\n3\n", "one\r\ntwo\n3\r\n"],
      ["one\rtwo", "one\ntwo\n3", "one\rtwo\r3"],
      ["", "one\n", "one\n"],
    ] as const
  ) assert.equal(withLineEnds(edited, before), after, JSON.stringify(before));
});

Deno.test("the filter of an address has what it understands, and nothing else", () => {
  const search = listSearchOf({
    ...{ functions: "one", status: "ERROR", trigger: "NOTHING", word: 5, q: "", until: "1h" },
    ...{ since: "1h", parent: { toString: 1 }, constructor: "x" },
  });
  assert.deepEqual(search, { functions: ["one"], status: "ERROR", since: "1h", word: "5" });
  assert.deepEqual(listSearchOf({ since: "constructor", status: "toString" }), {});
  const now = new Date("2026-01-02T03:04:05Z");
  assert.deepEqual(apiFilterOf(search, now), {
    ...{ functionIds: ["one"], failed: true, errorWord: "5", since: "2026-01-02T02:04:05.000Z" },
  });
  assert.deepEqual(apiFilterOf({ status: "SUCCESS" }, now), {
    status: "FUNCTION_INVOCATION_STATUS_SUCCESS",
    failed: false,
  });
  assert.equal(timeOfLocal(""), undefined);
  assert.equal(timeOfLocal("2020-01-02T03:04:05"), new Date(2020, 0, 2, 3, 4, 5).toISOString());
});

Deno.test("a path that no file can have says why", () => {
  assert.equal(pathViolation("lib/text.ts", ["main.ts"]), undefined);
  for (
    const [path, why] of [
      ["", /^Enter a path/],
      ["/a.ts", /slash$/],
      ["a/", /slash$/],
      ["../outside.ts", /^Each part/],
      ["a//b.ts", /^Each part/],
      ["a/./b.ts", /^Each part/],
      ["main.ts", /already has a file main\.ts$/],
    ] as const
  ) assert.match(pathViolation(path, ["main.ts"]) ?? "", why, path);
});

Deno.test("a name of the configuration is read by a dot where it can follow one", () => {
  const texts = ["API_KEY", "class", "api-key.2", `"\n`].map((name) => configText("secrets", name));
  assert.deepEqual(texts, [
    "functions.getConfig().secrets.API_KEY",
    "functions.getConfig().secrets.class",
    'functions.getConfig().secrets["api-key.2"]',
    'functions.getConfig().secrets["\\"\\n"]',
  ]);
});

Deno.test("the slug of a name has lower-case letters, digits and hyphens", () => {
  const slugs = ["Übersicht: Café & orders!", `--${"x".repeat(100)}`, "日本", "Orders"].map(slugOf);
  assert.deepEqual(slugs, ["ubersicht-cafe-orders", "x".repeat(63), "", "orders"]);
});

Deno.test("a time that a form shows in seconds keeps its milliseconds", () => {
  const start = "2999-01-02T03:04:05.678Z";
  const schedule = { cronSpec: "0 9 * * *", timezone: "UTC", start, input: { a: 1 } };
  const draft = draftOf({ displayName: "later", schedule } as never);
  assert.match(draft.start, /^\d{4}-\d\d-\d\dT\d\d:\d\d:05$/);
  const before = requestOf("schedule", draft);
  assert.equal((before["schedule"] as typeof schedule).start, start);
  const renamed = requestOf("schedule", { ...draft, displayName: "renamed" });
  assert.deepEqual(fieldsBetween("schedule", before, renamed), ["displayName"]);
  const typed = requestOf("schedule", { ...draft, start: "2999-01-02T03:04:06" });
  assert.deepEqual(fieldsBetween("schedule", before, typed), ["schedule.start"]);
});

Deno.test("durations are read and written in their units", () => {
  const read = ["0.5m", "500ms", "2 h", "", "soon"].map(durationIn);
  assert.deepEqual(read, ["30s", "0.5s", "7200s", "0s", "soon"]);
  const written = ["864000s", "90s", "0.25s", "0s", undefined].map(durationText);
  assert.deepEqual(written, ["10d", "90s", "250ms", "", ""]);
  const shown = [0.25, 999.6, 59_960, 119_700, 190_000_000].map(formatDuration);
  assert.deepEqual(shown, ["250 µs", "1 s", "1 min", "2 min", "2 d 4 h"]);
  assert.deepEqual([5, 1_536, 1024 ** 2].map(formatBytes), ["5 B", "1.5 KiB", "1 MiB"]);
});

Deno.test("a request as a command means the same to a shell", async () => {
  const headers = headersIn(["X-Test: it's `mine`", "no header", ": empty", "Accept:a:b"]);
  assert.deepEqual(headers, [["X-Test", "it's `mine`"], ["Accept", "a:b"]]);
  const request = { url: "http://x/?a='$(id)'", method: "PUT", headers, body: `"\\n" 'x'\n!` };
  const script = `curl() { printf '%s\\0' "$@"; }\n${curlOf(request)}`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  const words = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
  const sent = headers.flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  assert.deepEqual(words, ["-X", "PUT", request.url, ...sent, "--data-binary", request.body]);
});

Deno.test("changed lines are counted", () => {
  assert.deepEqual(lineCounts("a\nb\nc\n", "a\nB\nc\nd\n"), { added: 2, deleted: 1 });
  assert.deepEqual(lineCounts(undefined, "a\nb"), { added: 2, deleted: 0 });
  assert.deepEqual(lineCounts("same", "same"), { added: 0, deleted: 0 });
});

Deno.test("invisible characters are shown, and emoji stay whole", () => {
  assert.equal(visibleText("a\u00ad\u202eb\u0000\u{e0041}"), "a\\u00ad\\u202eb\u2400\\u{e0041}");
  assert.equal(visibleText("❤️👩‍🚀 日本\n\t"), "❤️👩‍🚀 日本\n\t");
});

Deno.test("a session names a known browser, and any other client as it calls itself", () => {
  const linux = "(X11; Linux x86_64)";
  const shown = {
    [`Mozilla/5.0 ${linux} AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36`]:
      "Chrome 130 on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0":
      "Firefox 133 on Windows",
    "curl/8.5.0": "curl/8.5.0",
    "evil<img src=x>/99 (x": "evil<img src=x>/99 (x",
    [`constructor/1 ${linux}`]: `constructor/1 ${linux}`,
    [`${"long ".repeat(20)}end`]: `${"long ".repeat(12)}…`,
    " ": "Unknown browser",
    "a\u202eb": "a\\u202eb",
  };
  for (const [userAgent, text] of Object.entries(shown)) assert.equal(browserOf(userAgent), text);
});

Deno.test("two readers are alike if they have the same roles and permissions", () => {
  const rights = (roleIds: string[], ...permissions: string[]) => ({
    roleIds,
    permissions: new Set(permissions),
  });
  const one = rights(["a", "b"], "read", "write");
  assert.ok(isSameRights(one, rights(["b", "a"], "write", "read")));
  assert.ok(!isSameRights(one, rights(["a", "b"], "read")));
  // A role of other functions has the same permissions.
  assert.ok(!isSameRights(one, rights(["a", "c"], "read", "write")));
  assert.ok(!isSameRights(one, null) && !isSameRights(undefined, one));
  assert.ok(isSameRights(null, null) && !isSameRights(undefined, null));
});

Deno.test("the form of a trust sends what changed, and its samples fit the provider", () => {
  const before = { ...NEW_TRUST, displayName: "deploy", claims: "sha", networks: "192.0.2.0/24" };
  assert.deepEqual(trustChanges(before, before), {});
  assert.deepEqual(trustChanges(before, { ...before, claims: " sha \n\n" }), {});
  assert.deepEqual(trustChanges(before, { ...before, claims: "", roleIds: ["r"] }), {
    passthroughClaims: [],
    scopedRoleIds: ["r"],
  });
  const [github, gitlab, custom] = ["GITHUB_ACTIONS", "GITLAB_CI", "CUSTOM"]
    .map((word) => `WELL_KNOWN_WORKLOAD_PROVIDER_${word}`) as [string, string, string];
  assert.equal(issuerAfter("", custom, gitlab), "https://gitlab.com");
  assert.equal(issuerAfter("https://gitlab.com", gitlab, custom), "");
  assert.equal(
    issuerAfter("https://gitlab.example.com", gitlab, github),
    "https://gitlab.example.com",
  );
  assert.match(sampleOf(gitlab).condition, /claims\.project_path/);
  assert.deepEqual(sampleOf("toString"), sampleOf(undefined));
});

Deno.test("the steps of the check of a token are in their order, up to the failed one", () => {
  const passed = { passed: true, skipped: false };
  const steps = stepsOf({
    cidrCheck: { passed: false, skipped: true },
    issuerMatch: { passed: false, skipped: false, expected: "a", actual: "b", detail: "differs" },
    jwtDecode: passed,
  });
  assert.deepEqual(steps.slice(0, 2).map(({ label, outcome }) => [label, outcome]), [
    ["Format", "passed"],
    ["Issuer", "failed"],
  ]);
  assert.deepEqual([steps.length, steps.at(-1)?.label, steps.at(-1)?.outcome], [
    ...[8, "Network", "skipped"],
  ]);
});

Deno.test("the form of an export keeps its destination, and says when it moves", () => {
  const GZIP = "EXPORT_FORMAT_OCSF_JSON_GZIP";
  const exporter = (datasourceId: string, prefix = "") => ({
    ...{ exportId: "e", displayName: "SIEM", state: "EXPORT_STATE_WAITING", createdAt: "" },
    ...{ watermarkEventId: "", datasource: { datasourceId, prefix, format: GZIP } },
  } as never);
  const file = exportDraftOf(exporter("audit.jsonl", "node-"));
  assert.deepEqual([file.target, file.file, file.url], ["file", "audit.jsonl", ""]);
  assert.deepEqual(datasourceOf(file), {
    ...{ datasourceId: "audit.jsonl", prefix: "node-", format: GZIP },
  });
  const url = exportDraftOf(exporter("HTTPS://siem.example/events"));
  assert.equal(url.target, "url");
  // A URL has no prefix, also if one was typed for a file before.
  assert.equal(datasourceOf({ ...url, prefix: "node-" }).prefix, "");
  assert.ok(!hasMoved(file, { ...file, format: "EXPORT_FORMAT_UNSPECIFIED" }));
  assert.ok(hasMoved(file, { ...file, prefix: "" }) && hasMoved(file, { ...file, target: "url" }));
});

Deno.test("lifetimes and lines of a form are read, and ids have a time", () => {
  assert.deepEqual([lifetimeOf("7"), lifetimeOf(NEVER)], ["604800s", undefined]);
  assert.deepEqual(linesOf(" a\r\n\n b c \n"), ["a", "b c"]);
  const { id, time } = new Ids().nextWithTime();
  assert.equal(timeOfKsuid(id)?.getTime(), Math.floor(time.getTime() / 1000) * 1000);
  for (const text of ["", "x", `${id}0`, `${id.slice(1)}-`]) {
    assert.equal(timeOfKsuid(text), undefined);
  }
});
