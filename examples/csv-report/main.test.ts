import { test, type TestContext } from "@c1/test";
import { parseCsv } from "./csv.ts";
import { renderReport } from "./report.ts";

export default function registerTests({ handler }: TestContext) {
  test("fields in quotes have commas, quotes and line breaks", ({ equal }) => {
    const rows = parseCsv('a,b\r\n"1,5","say ""hi"""\r\n\r\n"two\nlines",\n');
    equal(
      JSON.stringify(rows),
      JSON.stringify([["a", "b"], ["1,5", 'say "hi"'], ["two\nlines", ""]]),
    );
  });

  test("the report begins with the largest sum", ({ equal }) => {
    const totals = new Map([["south", { count: 1, total: 2 }], ["north", { count: 2, total: 15 }]]);
    const rows = renderReport("/sales.csv", "region", totals).split("\n").slice(4, 6);
    equal(rows.join(" "), "| north | 2 | 15.00 | | south | 1 | 2.00 |");
  });

  test("files are on a volume, which tests do not have", async ({ equal, fail }) => {
    try {
      await handler({ groupBy: "region", sum: "amount" });
      fail("it needed no volume");
    } catch (error) {
      equal((error as Error).name, "VfsNotAttachedError");
    }
  });
}
