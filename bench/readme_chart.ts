/** The figures of README.md: median latency at two loads, for `invoked` and what it is compared with, and throughput. */
import type { Row } from "./report.ts";

/** A short description of how each contender runs one invocation, below its name. */
const CONTENDERS = [
  { subject: "invoked", name: "invoked", does: "new process, walls, recorded on disk" },
  { subject: "deno run", name: "deno run", does: "new process, no walls, no record" },
  { subject: "workerd, fresh isolate", name: "workerd", does: "new isolate, no record" },
  { subject: "invoked, reused", name: "invoked, process reuse", does: "same process, recorded" },
  { subject: "functions-framework", name: "functions-framework", does: "same process, no record" },
] as const;
const LOADS = ["10 invocations/s", "40 invocations/s"] as const;
const SATURATED = "8 callers";
const PICTURE = "docs/images/latency.svg";

const WIDTH = 760;
const TOP = 92;
const ROW_HEIGHT = 46;
const BAR_HEIGHT = 22;
const LEFT = 246;
const PANEL_WIDTH = 180;
const PANEL_GAP = 72;
const FONT = "system-ui, -apple-system, 'Segoe UI', sans-serif";

/** Both colour schemes bring their own background, so that the text is readable on any page. */
const STYLE = `
  text { font-family: ${FONT}; fill: #1f2328 }
  .card { fill: #ffffff; stroke: #d1d9e0 }
  .small { fill: #59636e }
  .ours { fill: #0969da }
  .other { fill: #b4bcc6 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .card { fill: #0d1117; stroke: #3d444d }
    .small { fill: #9198a1 }
    .ours { fill: #4493f8 }
    .other { fill: #545d68 }
  }
`;

/**
 * Draws the chart from the rows of a benchmark.
 * @throws Error if a contender was not measured at one of the loads
 */
export function renderReadmeChart(rows: readonly Row[]): string {
  const medians = CONTENDERS.map(({ subject }) =>
    LOADS.map((load) => medianOf(rows, subject, load))
  );
  const max = Math.max(...medians.flat());
  const height = TOP + CONTENDERS.length * ROW_HEIGHT + 14;
  const title = "Median time of one invocation over HTTP";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" ` +
    `viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${title}, in milliseconds</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>`,
    `<text x="24" y="36" font-size="17" font-weight="600">${title}</text>`,
    `<text class="small" x="24" y="57" font-size="12">milliseconds, 2 cores, random arrivals; shorter is better</text>`,
    ...LOADS.map((load, at) =>
      `<text class="small" x="${panelX(at)}" y="${TOP - 10}" font-size="12">${load}</text>`
    ),
    ...CONTENDERS.flatMap((contender, at) => rowOf(contender, medians[at] ?? [], at, max)),
    "</svg>\n",
  ].join("\n");
}

/**
 * Renders the picture with its text, and what two cores sustain, as Markdown.
 * @throws Error if a figure was not measured
 */
export function renderReadmeFigures(rows: readonly Row[]): string {
  const median = (subject: string, load: string) => medianOf(rows, subject, load).toFixed(1);
  const [slow, fast] = LOADS;
  const sustained = (subject: string) =>
    Math.round(medianOf(rows, subject, SATURATED)).toLocaleString("en-US");
  const times = medianOf(rows, "invoked", SATURATED) / medianOf(rows, "deno run", SATURATED);
  return [
    `![Median time of one invocation, at ${slow} and at ${fast}: ` +
    `invoked ${median("invoked", slow)} ms and ${median("invoked", fast)} ms, ` +
    `deno run ${median("deno run", slow)} ms and ${median("deno run", fast)} ms](${PICTURE})`,
    "",
    `Two cores sustain ${sustained("invoked")} invocations a second with a new process for every ` +
    `invocation, ${times.toFixed(1)} times as many as bare \`deno run\`, and ` +
    `${sustained("invoked, reused")} with [process reuse](docs/process-reuse.md).`,
  ].join("\n");
}

function medianOf(rows: readonly Row[], subject: string, measure: string): number {
  const row = rows.find((row) =>
    row.part === "latency" && row.subject === subject && row.measure === measure
  );
  if (row === undefined) throw new Error(`The benchmark has no row of ${subject} at ${measure}`);
  return row.p50;
}

function rowOf(
  { subject, name, does }: typeof CONTENDERS[number],
  medians: readonly number[],
  at: number,
  max: number,
): string[] {
  const y = TOP + at * ROW_HEIGHT;
  const isOurs = subject.startsWith("invoked");
  return [
    `<text x="24" y="${y + 14}" font-size="14"${isOurs ? ' font-weight="600"' : ""}>${name}</text>`,
    `<text class="small" x="24" y="${y + 31}" font-size="11.5">${does}</text>`,
    ...medians.flatMap((median, panel) => {
      const width = Math.round(median / max * PANEL_WIDTH * 10) / 10;
      const x = panelX(panel);
      return [
        `<rect class="${isOurs ? "ours" : "other"}" x="${x}" y="${y + 5}" width="${width}" ` +
        `height="${BAR_HEIGHT}" rx="2"/>`,
        `<text x="${x + width + 6}" y="${y + 21}" font-size="13">${median.toFixed(1)}</text>`,
      ];
    }),
  ];
}

function panelX(panel: number): number {
  return LEFT + 8 + panel * (PANEL_WIDTH + PANEL_GAP);
}
