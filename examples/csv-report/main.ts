import { type JSONObject, vfs } from "@c1/functions-sdk";
import { parseCsv } from "./csv.ts";
import { renderReport, type Totals } from "./report.ts";

/**
 * Sums a column of a CSV file by another one, and writes the report beside it.
 * Input: `{ source, report, groupBy, sum }`; all but the last two are paths of the attached volume.
 */
export default async function main(input: JSONObject): Promise<JSONObject> {
  const { source = "/sales.csv", report = "/report.md", groupBy, sum } = input as Record<
    string,
    string
  >;
  const [head = [], ...rows] = parseCsv(await vfs.readTextFile(source));
  const [group, value] = [column(head, groupBy), column(head, sum)];
  const totals: Totals = new Map();
  for (const [line, row] of rows.entries()) {
    const amount = Number(row[value]);
    if (row[value]?.trim() === "" || !Number.isFinite(amount)) {
      throw new Error(`Row ${line + 2} of ${source}: ${JSON.stringify(row[value])} is no number`);
    }
    const key = row[group] ?? "";
    const { count, total } = totals.get(key) ?? { count: 0, total: 0 };
    totals.set(key, { count: count + 1, total: total + amount });
  }
  await vfs.mkdir(report.slice(0, report.lastIndexOf("/")) || "/", { recursive: true });
  await vfs.writeTextFile(report, renderReport(source, head[group] ?? "", totals));
  return { rows: rows.length, groups: totals.size, report };
}

function column(head: readonly string[], name: string | undefined): number {
  const index = head.indexOf(name ?? "");
  if (index === -1) throw new Error(`There is no column ${name}: there are ${head.join(", ")}`);
  return index;
}
