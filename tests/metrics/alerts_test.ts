/** The alert rules of deploy/prometheus: their syntax, what they name, and when promtool sees them fire. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { CONDITIONS, runbookOf } from "../../src/domain/alerts/conditions.ts";
import type { Json } from "../support/client.ts";
import { makeTempDir } from "../support/invoked.ts";
import { readText, ROOT } from "../support/repository.ts";
import { faultsOf, labelsOf } from "./expressions.ts";
import { ALERTS } from "./rules.ts";
import { promtool } from "./support.ts";

const FOLDER = fileURLToPath(new URL("deploy/prometheus/", ROOT));
const PAGE = "docs/operations.md";

Deno.test("promtool accepts the configuration and the rules", async () => {
  await using directory = await makeTempDir();
  for (const file of ["prometheus.yml", "invoked.rules.yml"]) {
    await Deno.copyFile(join(FOLDER, file), join(directory.path, file));
  }
  await Deno.writeTextFile(join(directory.path, "invoked-api-key"), "key");
  const { code, said } = await promtool([
    ...["check", "config", "--lint=all", "--lint-fatal"],
    join(directory.path, "prometheus.yml"),
  ]);
  assert.equal(code, 0, said);
  assert.ok(said.includes(`${ALERTS.length} rules found`), said);
});

Deno.test("promtool sees each alert fire, and not fire", async () => {
  const file = join(FOLDER, "invoked.rules.test.yml");
  const { code, said } = await promtool(["test", "rules", file]);
  assert.equal(code, 0, said);
  const { tests } = parse(await Deno.readTextFile(file));
  const names = ALERTS.map(({ alert }) => alert);
  assert.deepEqual(tests.map(({ name }: Json) => name), names, "a test of each alert");
  for (const { name, alert_rule_test: checks, input_series: series } of tests) {
    assert.ok(checks.every(({ alertname }: Json) => alertname === name), name);
    assert.deepEqual(
      checks.map(({ exp_alerts: expected = [] }: Json) => expected.length > 0),
      [false, true],
      name,
    );
    // A test also has a series of a job that is not a server's.
    const own = series.filter(({ series }: Json) => !series.includes('job="node"'));
    for (const { series } of own) assert.deepEqual(faultsOf(series), [], name);
  }
});

Deno.test("alerts name metrics and labels that exist, and an entry of the page", async () => {
  const page = await readText(PAGE);
  for (const { alert, expr, labels, annotations, ...rule } of ALERTS) {
    assert.deepEqual(faultsOf(expr), [], alert);
    assert.match(rule.for, /^\d+m$/, alert);
    assert.match(labels.severity, /^(?:critical|warning)$/, alert);
    for (const [, label = ""] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) {
      assert.ok(labelsOf(expr).has(label), `${alert}: its result has no label ${label}`);
    }
    assert.equal(annotations.runbook_url, `${PAGE}#${alert.toLowerCase()}`);
    const [, entry = ""] = page.split(`\n### ${alert}\n`);
    const [text = ""] = entry.split(/\n##/);
    for (const question of ["**What does it mean?**", "**Where to look?**", "**What to do?**"]) {
      assert.ok(text.includes(question), `${PAGE}: ${alert} has no answer to ${question}`);
    }
  }
  const entries = [...page.matchAll(/^### (Invoked\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(entries, ALERTS.map(({ alert }) => alert), "entries of alerts");
});

Deno.test("the server's own alerts agree with the rules of the same names", () => {
  for (const [name, { severity, checksToBegin }] of Object.entries(CONDITIONS)) {
    const rule = ALERTS.find(({ alert }) => alert === name);
    assert.ok(rule, `${name} is no rule`);
    assert.deepEqual([rule.labels.severity, rule.for], [severity, `${checksToBegin}m`], name);
    assert.equal(rule.annotations.runbook_url, runbookOf(name));
  }
});

Deno.test("the check of expressions finds what does not exist", () => {
  const faults = (expression: string) => faultsOf(expression).join("; ");
  assert.equal(faults("sum by (job) (rate(faas_errors_total[5m])) > 0"), "");
  assert.equal(faults("rate(faas_error_total[5m])"), "there is no metric faas_error_total");
  assert.equal(faults("faas_mem_usage_bytes"), "there is no metric faas_mem_usage_bytes");
  assert.equal(faults('{__name__="up"}'), "there is no metric ");
  assert.match(faults("up{le='1'}"), /^up has no label le/);
  assert.match(faults("sum by (le) (up)"), /^up has no label le/);
  assert.match(faults("up / on (zone) up"), /^up has no label zone/);
  assert.match(faults("up >"), /^syntax/);
  assert.match(faults("1 > 2"), /has no metric$/);
});
