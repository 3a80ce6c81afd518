/** Small SVG plots, made by hand: grouped bars and lines, both over a logarithmic axis of amounts. */

interface Series {
  readonly name: string;
  /** One for each label of the chart; undefined leaves a gap. */
  readonly values: readonly (number | undefined)[];
}

export interface Chart {
  readonly kind: "bars" | "lines";
  readonly title: string;
  /** What the amounts are, with their unit. */
  readonly amount: string;
  readonly labels: readonly string[];
  readonly series: readonly Series[];
}

const WIDTH = 760;
const HEIGHT = 380;
const PLOT = { left: 70, right: 20, top: 74, bottom: 44 } as const;
const COLORS = ["#0b6bcb", "#c4460e", "#2f7d32", "#7b3fb5", "#8a6d00", "#5f6b76"];
const FONT = 'font-family="system-ui, sans-serif"';

/** Draws the chart. Amounts must be above 0; those that are not are left out. */
export function renderSvg(chart: Chart): string {
  const scale = logScale(chart.series.flatMap(({ values }) => values));
  const parts = [
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(PLOT.left, 24, chart.title, { size: 15, weight: "bold" }),
    text(PLOT.left, PLOT.top - 10, chart.amount, { size: 11 }),
    ...legend(chart),
    ...grid(scale),
    ...chart.labels.map((label, at) =>
      text(centerOf(chart, at), HEIGHT - PLOT.bottom + 20, label, { size: 12, anchor: "middle" })
    ),
    ...chart.kind === "bars" ? bars(chart, scale) : lines(chart, scale),
  ];
  const size = `width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n` +
    `<title>${escapeXml(chart.title)}</title>\n${parts.join("\n")}\n</svg>\n`;
}

interface Scale {
  readonly ticks: readonly number[];
  /** Pixels from the top. */
  y(amount: number): number;
}

/** Covers all amounts, from a power of ten to a power of ten. */
function logScale(amounts: readonly (number | undefined)[]): Scale {
  const logs = amounts.filter(isDrawable).map(Math.log10);
  const low = Math.floor(Math.min(...logs, 0));
  const high = Math.max(low + 1, Math.ceil(Math.max(...logs, low)));
  const height = HEIGHT - PLOT.top - PLOT.bottom;
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n)),
    y: (amount) => PLOT.top + height * (high - Math.log10(amount)) / (high - low),
  };
}

function isDrawable(amount: number | undefined): amount is number {
  return amount !== undefined && Number.isFinite(amount) && amount > 0;
}

function grid({ ticks, y }: Scale): string[] {
  return ticks.flatMap((tick) => [
    `<line x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${round(y(tick))}" ` +
    `y2="${round(y(tick))}" stroke="#dde1e6"/>`,
    text(PLOT.left - 8, y(tick) + 4, String(Number(tick.toPrecision(1))), {
      size: 11,
      anchor: "end",
    }),
  ]);
}

function legend({ series }: Chart): string[] {
  let x: number = PLOT.left;
  return series.flatMap(({ name }, at) => {
    const parts = [
      `<rect x="${x}" y="36" width="10" height="10" fill="${colorOf(at)}"/>`,
      text(x + 15, 45, name, { size: 12 }),
    ];
    x += 34 + name.length * 7;
    return parts;
  });
}

function bars({ series, labels }: Chart, { y }: Scale): string[] {
  const group = (WIDTH - PLOT.left - PLOT.right) / labels.length;
  const width = group * 0.8 / series.length;
  const bottom = HEIGHT - PLOT.bottom;
  return series.flatMap(({ values }, who) =>
    values.flatMap((amount, at) => {
      if (!isDrawable(amount)) return [];
      const x = PLOT.left + group * (at + 0.1) + width * who;
      const top = y(amount);
      return [
        `<rect x="${round(x)}" y="${round(top)}" width="${round(width - 2)}" ` +
        `height="${round(bottom - top)}" fill="${colorOf(who)}"/>`,
        text(x + width / 2 - 1, top - 3, Number(amount.toPrecision(2)).toString(), {
          size: 9,
          anchor: "middle",
        }),
      ];
    })
  );
}

function lines(chart: Chart, { y }: Scale): string[] {
  return chart.series.flatMap(({ values }, who) => {
    const points = values.flatMap((amount, at) =>
      isDrawable(amount) ? [[round(centerOf(chart, at)), round(y(amount))] as const] : []
    );
    return [
      `<polyline points="${points.map((point) => point.join(",")).join(" ")}" fill="none" ` +
      `stroke="${colorOf(who)}" stroke-width="2"/>`,
      ...points.map(([x, top]) => `<circle cx="${x}" cy="${top}" r="3" fill="${colorOf(who)}"/>`),
    ];
  });
}

function centerOf({ labels }: Chart, at: number): number {
  const group = (WIDTH - PLOT.left - PLOT.right) / labels.length;
  return PLOT.left + group * (at + 0.5);
}

function colorOf(at: number): string {
  return COLORS[at % COLORS.length] ?? "#000000";
}

interface TextStyle {
  readonly size: number;
  readonly anchor?: "middle" | "end";
  readonly weight?: "bold";
}

function text(x: number, y: number, content: string, style: TextStyle): string {
  const { size, anchor = "start", weight = "normal" } = style;
  return `<text x="${round(x)}" y="${round(y)}" ${FONT} font-size="${size}" ` +
    `font-weight="${weight}" text-anchor="${anchor}" fill="#22272e">${escapeXml(content)}</text>`;
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function escapeXml(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
