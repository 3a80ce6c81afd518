/** The dashboard of deploy/grafana: what its panels and links name. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { auditSearchOf } from "../../console/src/features/audit/filter.ts";
import type { Json } from "../support/client.ts";
import { makeTempDir } from "../support/invoked.ts";
import { readText } from "../support/repository.ts";
import { faultsOf, labelsOf } from "./expressions.ts";
import { promtool } from "./support.ts";

const TEXT = await readText("deploy/grafana/dashboards/invoked.json");
const DASHBOARD: Json = JSON.parse(TEXT);
const NOW = "2026-01-31T12:00:00.000Z";

/** Each query of a panel, with the variables of Grafana replaced. */
const QUERIES: readonly {
  readonly title: string;
  readonly expr: string;
  readonly legend: string;
}[] = DASHBOARD.panels.flatMap(({ title, targets = [] }: Json) =>
  targets.map(({ expr, legendFormat: legend = "" }: Json) => ({
    title,
    expr: expr.replaceAll("$__rate_interval", "5m").replaceAll("$__range", "1h"),
    legend,
  }))
);

Deno.test("panels name metrics and labels that exist", () => {
  assert.ok(QUERIES.length > 20, `${QUERIES.length} queries`);
  for (const { title, expr, legend } of QUERIES) {
    assert.deepEqual(faultsOf(expr), [], title);
    for (const [, label = ""] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
      assert.ok(labelsOf(expr).has(label), `${title}: the result has no label ${label}`);
    }
  }
  for (const { query } of DASHBOARD.templating.list) {
    if (typeof query === "string") continue;
    const [, metric = "", label = ""] = /^label_values\((\w+), (\w+)\)$/.exec(query.query) ?? [];
    assert.deepEqual(faultsOf(`${metric}{${label}!=""}`), []);
  }
});

Deno.test("Prometheus accepts the expressions of panels", async () => {
  await using directory = await makeTempDir();
  const file = join(directory.path, "rules.yml");
  const rules = QUERIES.map(({ expr }, at) => ({ record: `panel:query_${at}`, expr }));
  await Deno.writeTextFile(file, JSON.stringify({ groups: [{ name: "panels", rules }] }));
  const { code, said } = await promtool(["check", "rules", file]);
  assert.equal(code, 0, said);
});

Deno.test("panels share no cell, and each has an id", () => {
  const cells = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of DASHBOARD.panels) {
    assert.ok(x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert.ok(!cells.has(`${column} ${line}`), `${title} lies on another panel`);
        cells.add(`${column} ${line}`);
      }
    }
  }
  const ids = DASHBOARD.panels.map(({ id }: Json) => id);
  assert.equal(new Set(ids).size, ids.length);
});

Deno.test("links lead to the audit log of the console, with its filter", () => {
  const links = [...TEXT.matchAll(/\$\{console\}(\/audit\?[^)"]+)/g)].map(([, path = ""]) => path);
  assert.ok(links.some((link) => link.includes("resource=")), "a link of functions");
  for (const link of links) {
    const url = new URL(
      link.replaceAll(/\$\{__(?:from|to):date:iso\}/g, NOW)
        .replaceAll("${__value.text:percentencode}", "a%26b"),
      "https://functions.example.com",
    );
    const given = Object.fromEntries(url.searchParams);
    assert.deepEqual(auditSearchOf(given), given, link);
    assert.deepEqual([given["since"], given["until"]], [NOW, NOW]);
  }
});

Deno.test("Grafana is provisioned with a source of Prometheus, and the folder of the dashboard", async () => {
  const read = async (kind: string) =>
    parse(await readText(`deploy/grafana/provisioning/${kind}/invoked.yaml`));
  const { datasources: [source] } = await read("datasources");
  assert.equal(source.type, "prometheus");
  const { providers: [provider] } = await read("dashboards");
  assert.equal(provider.type, "file");
  assert.ok(provider.options.path.endsWith("/dashboards/invoked"));
  const uses = [...TEXT.matchAll(/"uid": "(\$\{\w+\})"/g)].map(([, uid]) => uid);
  assert.deepEqual([...new Set(uses)], ["${datasource}"]);
});
