/**
 * The benchmark: costs of an invocation beside the alternatives of a user, on this machine, in one run.
 *
 *     deno task bench [part ...] [--quick] [--publish]
 *
 * The parts are latency, bundles, inputs, growth, finalize, memory, first-call, rare, heavy, endpoints, schedules, start
 * and packages; none means all but packages, which takes as long as the others together.
 * `--quick` measures with few rounds. `--publish` replaces the results in `bench/results/published`, and the
 * ten figures of docs/performance.md; with the part packages alone, those in `bench/results/packages`, and the table in
 * bench/README.md.
 *
 * All contenders get the same arrivals in interleaved rounds, so that a busy moment of the machine hits each of them;
 * trust the ratios more than the milliseconds. The load generator shares the cores with what it measures. A wrong
 * answer of anybody stops the run.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Context } from "./context.ts";
import { renderFigures } from "./figures.ts";
import { describeMachine, loadAverage, type Machine, measureBare } from "./machine.ts";
import { endpoints } from "./parts/endpoints.ts";
import { finalize } from "./parts/finalize.ts";
import { firstInvocation } from "./parts/first_call.ts";
import { growth } from "./parts/growth.ts";
import { heavy } from "./parts/heavy.ts";
import { latency } from "./parts/latency.ts";
import { memory } from "./parts/memory.ts";
import { packages, PART as PACKAGES } from "./parts/packages.ts";
import { rare } from "./parts/rare.ts";
import { schedules } from "./parts/schedules.ts";
import { bundles, inputs } from "./parts/sizes.ts";
import { renderPackages } from "./packages_table.ts";
import { start } from "./parts/start.ts";
import { renderSvg } from "./plots.ts";
import { renderReadmeChart } from "./readme_chart.ts";
import { type PartResult, renderTable } from "./report.ts";
import { renderVerdicts, verdicts } from "./targets.ts";

const PARTS: Readonly<Record<string, (context: Context) => Promise<PartResult>>> = {
  latency,
  bundles,
  inputs,
  growth,
  finalize,
  memory,
  "first-call": firstInvocation,
  rare,
  heavy,
  endpoints,
  schedules,
  [PACKAGES]: packages,
  start,
};

const RESULTS = fileURLToPath(new URL("results/", import.meta.url));
const PAGE = fileURLToPath(new URL("../docs/performance.md", import.meta.url));
const README_CHART = fileURLToPath(new URL("../docs/images/latency.svg", import.meta.url));
const README = fileURLToPath(new URL("README.md", import.meta.url));
/** Each page shows figures of a published run between these lines. */
const PAGE_BLOCK = /(<!-- figures of `deno task bench`: begin -->\n)[^]*(<!-- end -->)/;

interface Arguments {
  readonly parts: readonly string[];
  readonly isQuick: boolean;
  readonly isPublished: boolean;
}

/** The results of a run, as the JSON file has them. */
interface Run extends PartResult {
  readonly command: string;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly loadBefore: string;
  readonly loadAfter: string;
}

async function main(): Promise<void> {
  const chosen = readArguments();
  const directory = await Deno.makeTempDir({ prefix: "invoked-bench-" });
  try {
    const run = await measure(chosen, {
      isQuick: chosen.isQuick,
      directory,
      cacheDirectory: cacheDirectory(),
      progress: (line) => console.error(`  ${line}`),
    });
    const text = render(run);
    console.log(text);
    await write(run, text, join(RESULTS, "latest"));
    if (chosen.isPublished) await publish(run, text, isOfPackages(chosen.parts));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function readArguments(): Arguments {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      publish: { type: "boolean", default: false },
    },
  });
  for (const part of positionals) {
    if (part in PARTS) continue;
    throw new Error(`There is no part ${part}; there are ${Object.keys(PARTS).join(", ")}`);
  }
  if (values.publish && positionals.length > 0 && !isOfPackages(positionals)) {
    throw new Error("--publish takes no parts but packages: a page shows one run");
  }
  const usual = Object.keys(PARTS).filter((part) => part !== PACKAGES);
  return {
    parts: positionals.length === 0 ? usual : positionals,
    isQuick: values.quick,
    isPublished: values.publish,
  };
}

function isOfPackages(parts: readonly string[]): boolean {
  return parts.every((part) => part === PACKAGES);
}

/** Outside of the project: nobody commits the peers, and they are kept between runs. */
function cacheDirectory(): string {
  const home = Deno.env.get("HOME") ?? "/tmp";
  return join(Deno.env.get("XDG_CACHE_HOME") ?? join(home, ".cache"), "invoked-bench");
}

async function measure({ parts, isQuick }: Arguments, context: Context): Promise<Run> {
  const startedAt = new Date().toISOString();
  const loadBefore = loadAverage();
  const results: PartResult[] = [];
  const before = await measureBare(context, "before");
  for (const name of parts) {
    console.error(name);
    const part = PARTS[name];
    if (part !== undefined) results.push(await part(context));
  }
  const after = await measureBare(context, "after");
  return {
    command: ["deno task bench", ...parts, ...isQuick ? ["--quick"] : []].join(" "),
    startedAt,
    machine: describeMachine(),
    loadBefore,
    loadAfter: loadAverage(),
    rows: [...before, ...results.flatMap(({ rows }) => rows), ...after],
    charts: Object.assign({}, ...results.map(({ charts }) => charts)),
    notes: results.flatMap(({ notes }) => notes),
  };
}

function render(run: Run): string {
  const { machine: { processor, cores, kernel, deno }, rows, notes } = run;
  return [
    `${run.command}, ${run.startedAt}`,
    `${cores} cores, ${processor}, ${kernel}, Deno ${deno}`,
    `load average before: ${run.loadBefore}, after: ${run.loadAfter}`,
    "",
    renderTable(rows),
    ...paragraph(notes),
    ...paragraph(renderVerdicts(verdicts(rows))),
  ].join("\n");
}

/** The lines with an empty one before them, where there are any. */
function paragraph(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", ...lines];
}

/** Writes table, JSON and plots in place of what the directory held. */
async function write(run: Run, text: string, directory: string): Promise<void> {
  await Deno.remove(directory, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(directory, { recursive: true });
  await Deno.writeTextFile(join(directory, "table.txt"), `${text}\n`);
  const content = { ...run, verdicts: verdicts(run.rows) };
  await Deno.writeTextFile(
    join(directory, "results.json"),
    `${JSON.stringify(content, null, 2)}\n`,
  );
  for (const [name, chart] of Object.entries(run.charts)) {
    await Deno.writeTextFile(join(directory, `${name}.svg`), renderSvg(chart));
  }
}

async function publish(run: Run, text: string, ofPackages: boolean): Promise<void> {
  await write(run, text, join(RESULTS, ofPackages ? "packages" : "published"));
  if (ofPackages) return await replaceBlock(README, renderPackages(run.rows));
  await Deno.writeTextFile(README_CHART, renderReadmeChart(run.rows));
  await replaceBlock(PAGE, renderFigures(run.rows));
}

async function replaceBlock(path: string, text: string): Promise<void> {
  const page = await Deno.readTextFile(path);
  const block = `\n${text}\n\n`;
  await Deno.writeTextFile(
    path,
    page.replace(PAGE_BLOCK, (_, begin, end) => `${begin}${block}${end}`),
  );
}

await main();
