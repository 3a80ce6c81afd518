import { vfs } from "@c1/functions-sdk";
import { registerTests, test } from "@c1/test";
import { parseCsv } from "./csv.ts";
import main from "./main.ts";
import { renderReport } from "./report.ts";

registerTests({
  handler: main,
  volume: { files: { "/sales.csv": "region,amount\nnorth,10.5\nsouth,2\n" } },
});

test("fields in quotes have commas, quotes and line breaks", ({ deepEqual }) => {
  const rows = parseCsv('a,b\r\n"1,5","say ""hi"""\r\n\r\n"two\nlines",\n');
  deepEqual(rows, [["a", "b"], ["1,5", 'say "hi"'], ["two\nlines", ""]]);
});

test("the report begins with the largest sum", ({ equal }) => {
  const totals = new Map([["south", { count: 1, total: 2 }], ["north", { count: 2, total: 15 }]]);
  const rows = renderReport("/sales.csv", "region", totals).split("\n").slice(4, 6);
  equal(rows.join(" "), "| north | 2 | 15.00 | | south | 1 | 2.00 |");
});

test("writes the report beside the file", async ({ deepEqual, ok }) => {
  const output = await main({ groupBy: "region", sum: "amount" });
  deepEqual(output, { rows: 2, groups: 2, report: "/report.md" });
  ok((await vfs.readTextFile("/report.md")).includes("| north | 1 | 10.50 |"));
});

test("names a row that is no number", async ({ rejects }) => {
  await vfs.writeTextFile("/sales.csv", "region,amount\nnorth,much\n");
  await rejects(main({ groupBy: "region", sum: "amount" }), 'Row 2 of /sales.csv: "much"');
});
