/**
 * Renders `deploy/grafana/dashboards/invoked.json`: panels by the questions of an operator. A test compares the
 * expressions with the table of metrics.
 */
import { ROWS } from "./dashboard_panels.ts";

/** A line of a graph, or a column of a table. */
export interface Query {
  readonly expression: string;
  /** As Grafana writes legends, `{{label}}`; the name of the column in a table. */
  readonly legend: string;
  /** Of a column; that of the panel if absent. */
  readonly unit?: string;
}

export interface Panel {
  readonly kind: "stat" | "timeseries" | "table";
  readonly title: string;
  readonly description?: string;
  /** As Grafana names units: `s`, `bytes`, `percentunit`. */
  readonly unit: string;
  /** Of the 24 columns of a row. */
  readonly width: number;
  readonly queries: readonly Query[];
  /** Adds the lines up. */
  readonly isStacked?: true;
  /** The value is a boolean: 0 is red. */
  readonly isBoolean?: true;
}

/** A question, with the panels that answer it. */
export interface Row {
  readonly question: string;
  /** In Markdown, before the panels. */
  readonly text?: string;
  readonly panels: readonly Panel[];
}

const COLUMNS = 24;
const STAT_HEIGHT = 4;
const PANEL_HEIGHT = 8;
const TEXT_HEIGHT = 3;
const SOURCE = { type: "prometheus", uid: "${datasource}" };
/** The audit log of a function in the console, of the time that the dashboard shows. */
const AUDIT = "${console}/audit?since=${__from:date:iso}&until=${__to:date:iso}";

type Plain = Readonly<Record<string, unknown>>;

export function renderDashboard(): string {
  return JSON.stringify(
    {
      uid: "invoked",
      title: "invoked",
      tags: ["invoked"],
      schemaVersion: 39,
      version: 1,
      editable: false,
      time: { from: "now-3h", to: "now" },
      refresh: "30s",
      templating: { list: variables() },
      links: [
        linkTo("Console", "${console}/functions"),
        linkTo("Audit log", AUDIT),
      ],
      panels: layOut(),
    },
    null,
    2,
  ) + "\n";
}

function variables(): readonly Plain[] {
  return [
    { name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus" },
    {
      name: "function",
      label: "Function",
      type: "query",
      datasource: SOURCE,
      query: { query: "label_values(faas_invoke_duration_seconds_count, faas_name)", refId: "A" },
      refresh: 2,
      sort: 1,
      multi: true,
      includeAll: true,
      allValue: ".*",
      current: { text: "All", value: "$__all" },
    },
    {
      name: "console",
      label: "URL of the console",
      type: "textbox",
      query: "https://functions.example.com",
      current: {
        text: "https://functions.example.com",
        value: "https://functions.example.com",
      },
    },
  ];
}

function linkTo(title: string, url: string): Plain {
  return { title, url, type: "link", icon: "external link", targetBlank: true };
}

/** All panels, in rows from the top; a panel that does not fit beside the others begins a line. */
function layOut(): readonly Plain[] {
  const all: Plain[] = [];
  let y = 0;
  const add = (panel: Plain, x: number, w: number, h: number) =>
    all.push({ id: all.length + 1, ...panel, gridPos: { x, y, w, h } });
  for (const { question, text, panels } of ROWS) {
    add({ type: "row", title: question, collapsed: false, panels: [] }, 0, COLUMNS, 1);
    y++;
    if (text !== undefined) {
      add(
        { type: "text", title: "", options: { mode: "markdown", content: text } },
        0,
        COLUMNS,
        TEXT_HEIGHT,
      );
      y += TEXT_HEIGHT;
    }
    let x = 0;
    let height = 0;
    for (const panel of panels) {
      if (x + panel.width > COLUMNS) {
        x = 0;
        y += height;
        height = 0;
      }
      const own = panel.kind === "stat" ? STAT_HEIGHT : PANEL_HEIGHT;
      add(panelOf(panel), x, panel.width, own);
      x += panel.width;
      height = Math.max(height, own);
    }
    y += height;
  }
  return all;
}

function panelOf(panel: Panel): Plain {
  const { kind, title, description, unit, queries } = panel;
  const isTable = kind === "table";
  return {
    type: kind,
    title,
    ...description === undefined ? {} : { description },
    datasource: SOURCE,
    targets: queries.map(({ expression, legend }, at) => ({
      refId: refOf(at),
      datasource: SOURCE,
      expr: expression,
      ...isTable ? { format: "table", instant: true } : { legendFormat: legend },
    })),
    fieldConfig: {
      defaults: { unit, ...kind === "timeseries" ? graph(panel) : {}, ...colors(panel) },
      overrides: isTable ? columns(queries) : [],
    },
    ...isTable ? tableOf(queries) : {},
    ...kind === "stat" ? { options: { reduceOptions: { calcs: ["lastNotNull"] } } } : {},
    ...kind === "timeseries" ? { options: { tooltip: { mode: "multi", sort: "desc" } } } : {},
  };
}

function refOf(at: number): string {
  return String.fromCharCode("A".charCodeAt(0) + at);
}

function graph({ isStacked }: Panel): Plain {
  const filled = { fillOpacity: 30, stacking: { mode: "normal" } };
  return { min: 0, custom: { lineWidth: 1, ...isStacked ? filled : {} } };
}

function colors({ isBoolean }: Panel): Plain {
  if (!isBoolean) return {};
  const options = { 0: { text: "no", color: "red" }, 1: { text: "yes", color: "green" } };
  return { mappings: [{ type: "value", options }] };
}

/** One line a function: the queries are joined by its name, and lose the time. */
function tableOf(queries: readonly Query[]): Plain {
  const names = queries.map(({ legend }, at) => [`Value #${refOf(at)}`, legend]);
  return {
    transformations: [
      { id: "merge", options: {} },
      {
        id: "organize",
        options: {
          excludeByName: { Time: true },
          renameByName: { faas_name: "Function", ...Object.fromEntries(names) },
        },
      },
    ],
  };
}

function columns(queries: readonly Query[]): readonly Plain[] {
  const ofFunction = linkTo("Who changed it", `${AUDIT}&resource=\${__value.text:percentencode}`);
  const properties = (name: string, ...list: readonly Plain[]) => ({
    matcher: { id: "byName", options: name },
    properties: list,
  });
  return [
    properties("Function", { id: "links", value: [ofFunction] }),
    ...queries.flatMap(({ legend, unit }) =>
      unit === undefined ? [] : [properties(legend, { id: "unit", value: unit })]
    ),
  ];
}
