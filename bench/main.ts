/**
 * The benchmark: costs of an invocation beside the alternatives of a user, on this machine, in one run.
 *
 *     deno task bench [part ...] [--quick] [--publish]
 *
 * The parts are latency, bundles, inputs, growth, finalize, memory, first-call, rare, heavy, endpoints, schedules, start
 * and packages; none means all but packages, which takes as long as the others together.
 * `--quick` measures with few rounds. `--publish` replaces the results of these parts in `bench/results/published`, and
 * the ten figures of docs/performance.md; with the part packages alone, those in `bench/results/packages`, and the table
 * in bench/README.md. The published table names the run of each part.
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
import { describeMachine, loadAverage, measureBare, PART as MACHINE } from "./machine.ts";
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
import { renderReadmeChart, renderReadmeFigures } from "./readme_chart.ts";
import type { PartResult } from "./report.ts";
import {
  type MeasuredPart,
  mergeParts,
  readParts,
  renderParts,
  rowsOfParts,
  type Run,
  writeParts,
} from "./results.ts";

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
const README = fileURLToPath(new URL("../README.md", import.meta.url));
const PACKAGES_PAGE = fileURLToPath(new URL("README.md", import.meta.url));
/** Each page shows figures of a published run between these lines. */
const PAGE_BLOCK = /(<!-- figures of `deno task bench`: begin -->\n)[^]*(<!-- end -->)/;

interface Arguments {
  readonly parts: readonly string[];
  readonly isQuick: boolean;
  readonly isPublished: boolean;
}

async function main(): Promise<void> {
  const chosen = readArguments();
  const directory = await Deno.makeTempDir({ prefix: "invoked-bench-" });
  try {
    const parts = await measure(chosen, {
      isQuick: chosen.isQuick,
      directory,
      cacheDirectory: cacheDirectory(),
      progress: (line) => console.error(`  ${line}`),
    });
    console.log(renderParts(parts));
    await writeParts(parts, join(RESULTS, "latest"));
    if (chosen.isPublished) await publish(parts, isOfPackages(chosen.parts));
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
  if (values.publish && positionals.includes(PACKAGES) && !isOfPackages(positionals)) {
    throw new Error(
      `--publish takes the part ${PACKAGES} alone, because its results have files of their own`,
    );
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

/** Measures the parts and, before and after them, the machine itself. */
async function measure(
  { parts, isQuick }: Arguments,
  context: Context,
): Promise<MeasuredPart[]> {
  const startedAt = new Date().toISOString();
  const loadBefore = loadAverage();
  const results: [name: string, result: PartResult][] = [];
  const before = await measureBare(context, "before");
  for (const name of parts) {
    console.error(name);
    const part = PARTS[name];
    if (part !== undefined) results.push([name, await part(context)]);
  }
  const after = await measureBare(context, "after");
  const run: Run = {
    command: ["deno task bench", ...parts, ...isQuick ? ["--quick"] : []].join(" "),
    startedAt,
    machine: describeMachine(),
    loadBefore,
    loadAfter: loadAverage(),
  };
  return [
    { name: MACHINE, run, rows: [...before, ...after], charts: {}, notes: [] },
    ...results.map(([name, result]) => ({ name, run, ...result })),
  ];
}

/** Replaces the measured parts of the published results; the other parts stay as an earlier run left them. */
async function publish(measured: readonly MeasuredPart[], ofPackages: boolean): Promise<void> {
  const directory = join(RESULTS, ofPackages ? PACKAGES : "published");
  const parts = mergeParts(await readParts(directory), measured, [MACHINE, ...Object.keys(PARTS)]);
  await writeParts(parts, directory);
  const rows = rowsOfParts(parts);
  if (ofPackages) return await replaceBlock(PACKAGES_PAGE, renderPackages(rows));
  await Deno.writeTextFile(README_CHART, renderReadmeChart(rows));
  await replaceBlock(README, renderReadmeFigures(rows));
  await replaceBlock(PAGE, renderFigures(rows));
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
