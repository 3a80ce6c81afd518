/**
 * What a cluster larger than this machine does: parts are measured here, one by one, and put together in a simulation.
 *
 *     deno task scale [--quick] [--publish] [--measured FILE]
 *
 * `--publish` replaces the published measurements, the pictures, and the tables of this folder's README.md.
 * `--measured` takes the times of an earlier run; then the same times give the same page. Processor times are what the
 * simulation uses wherever it can: other work on the machine changes them little.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findBreaks } from "./breaks.ts";
import { measure, type Measured } from "./measured.ts";
import { renderPictures, renderTables } from "./pictures.ts";

const MEASURED = fileURLToPath(new URL("../results/scale/measured.json", import.meta.url));
const IMAGES = new URL("../results/scale/", import.meta.url);
const PAGE = fileURLToPath(new URL("README.md", import.meta.url));
const PAGE_BLOCK = /(<!-- results of `deno task scale`: begin -->\n)[^]*(<!-- end -->)/;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    publish: { type: "boolean", default: false },
    measured: { type: "string" },
  },
});
const measured: Measured = values.measured === undefined
  ? await measure(values.quick)
  : JSON.parse(await Deno.readTextFile(values.measured));
console.error("simulation");
if (values.publish) await keep(measured);
const breaks = findBreaks(measured);
const tables = renderTables(measured, breaks);
console.log(tables);
if (values.publish) {
  for (const [name, picture] of renderPictures(breaks)) {
    await Deno.writeTextFile(new URL(name, IMAGES), picture);
  }
  const page = await Deno.readTextFile(PAGE);
  await Deno.writeTextFile(PAGE, page.replace(PAGE_BLOCK, `$1\n${tables}\n\n$2`));
} else {
  console.log(JSON.stringify(measured));
}

async function keep(measured: Measured): Promise<void> {
  await Deno.mkdir(dirname(MEASURED), { recursive: true });
  await Deno.writeTextFile(MEASURED, `${JSON.stringify(measured, null, 2)}\n`);
}
