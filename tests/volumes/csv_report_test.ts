import assert from "node:assert/strict";
import { ok } from "../support/expect.ts";
import { sharedSuite } from "../support/suite.ts";
import { Volume } from "./support.ts";

const EXAMPLE = new URL("../../examples/csv-report/", import.meta.url);
const CSV = '\ufeffregion,product,amount\r\nnorth,"nuts, bolts",10.5\r\nsouth,glue,2\r\n\r\n' +
  '"no""rth",glue,1\r\nnorth,glue,4.5\r\n';

sharedSuite("the example csv-report", {
  "reads a CSV and writes a report on its volume": async ({ client }) => {
    const [main = "", csv = "", report = ""] = await Promise.all(
      ["main.ts", "csv.ts", "report.ts"].map((name) => Deno.readTextFile(new URL(name, EXAMPLE))),
    );
    const id = await client.deploy(main, { "csv.ts": csv, "report.ts": report });
    const volume = await Volume.create(client);
    await volume.put("in/sales.csv", CSV);
    const input = {
      source: "/in/sales.csv",
      report: "/out/sales.md",
      groupBy: "region",
      sum: "amount",
    };
    assert.deepEqual(await volume.output(id, input), { rows: 4, groups: 3, report: input.report });
    assert.equal(
      (await volume.read("out/sales.md")).body,
      "# /in/sales.csv\n\n| region | Rows | Sum |\n| --- | --- | --- |\n" +
        '| north | 2 | 15.00 |\n| south | 1 | 2.00 |\n| no"rth | 1 | 1.00 |\n',
    );

    await volume.put("in/sales.csv", "region,amount\nnorth,many\n");
    const failed = ok(await client.invoke(id, input, {}, { vfsId: volume.id }));
    const { error } = await client.invocation(id, failed.invocationId);
    assert.match(error, /^UNCAUGHT: Error: Row 2 of \/in\/sales\.csv: "many" is no number/);
  },
});
