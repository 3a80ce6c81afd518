import { countOf } from "../config/mod.ts";
import type { Api } from "./client/api.ts";
import { needsAddition } from "./client/api_error.ts";
import type { ExpiredData } from "./client/schemas.ts";
import { YES_HINT } from "./options/common_options.ts";
import { Failure, oneLine } from "./terminal/failure.ts";
import { printJson, printTable, showTime } from "./terminal/output.ts";
import { askForYes } from "./terminal/prompts.ts";

const WHAT = "purges of expired data";
const NOTHING = "Nothing is beyond its retention";

/** `invoked purge --expired`: shows what is beyond its retention, and erases it at once. */
export async function purgeExpired(
  api: Api,
  { dryRun, yes, json }: {
    readonly dryRun?: true;
    readonly yes?: true;
    readonly json?: true;
  },
): Promise<void> {
  if (dryRun || !yes) {
    const found = await needsAddition(WHAT, api.purges.purgeExpired(true));
    if (dryRun) return json ? printJson(found) : printExpired(found);
    const sum = sumOf(found);
    if (sum === 0) return json ? printJson([]) : console.log(NOTHING);
    printExpired(found);
    const question = `Purge these ${countOf(sum, "item")} on ${api.url}, for good?`;
    if (!await askForYes(question, YES_HINT)) throw new Failure("Cancelled: nothing was purged");
  }
  const erased = await needsAddition(WHAT, api.purges.purgeExpired(false));
  if (json) return printJson(erased.map(({ kind, count }) => ({ kind, count })));
  const rows = erased.filter(({ count }) => count > 0)
    .map(({ kind, count }) => [oneLine(kind), String(count)]);
  printTable(["PURGED", "COUNT"], rows, NOTHING);
}

function printExpired(found: readonly ExpiredData[]): void {
  const rows = found.filter(({ count }) => count > 0).map((each) => [
    oneLine(each.kind),
    String(each.count),
    each.oldest === undefined ? "-" : showTime(each.oldest),
    each.newest === undefined ? "-" : showTime(each.newest),
    oneLine(each.setting),
  ]);
  printTable(["KIND", "COUNT", "OLDEST", "NEWEST", "KEPT FOR"], rows, NOTHING);
}

function sumOf(found: readonly ExpiredData[]): number {
  return found.reduce((sum, { count }) => sum + count, 0);
}
