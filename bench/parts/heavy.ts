/** Part i: functions that compute and allocate, with the flags of forks beside Deno's own. */
import { BARE, bareDenoRun } from "../contenders.ts";
import type { Context } from "../context.ts";
import { Invoked } from "../invoked.ts";
import { type Load, merge, oneByOne } from "../load.ts";
import { type PartResult, rowOf, withRatios } from "../report.ts";
import type { Workload } from "../workload.ts";

const PART = "heavy";

/** Each takes some 100 ms, beside which a start counts for little. */
const CASES: Readonly<Record<string, Workload>> = {
  "a loop": computing(
    "let sum = 0; for (let n = 0; n < 2e7; n++) sum = (sum + n * n) | 0; return sum;",
  ),
  "regular expressions": computing(
    `const text = "key=value; ".repeat(1e5); let sum = 0;
     for (let n = 0; n < 10; n++) sum += text.replace(/(\\w+)=(\\w+)/g, "$2=$1").length; return sum;`,
  ),
  "short-lived objects": computing(
    `let last = { n: 0 }; for (let n = 0; n < 3e7; n++) last = { n, before: last.n }; return last.n;`,
  ),
  "long-lived objects": computing(
    `const all = new Map(); for (let n = 0; n < 1e5; n++) all.set("key" + n, { n, list: [n] });
     return all.size;`,
  ),
  "JSON": computing(
    `const text = JSON.stringify(Array.from({ length: 2e4 }, (_, n) => ({ n, text: "t" + n })));
     let sum = 0; for (let n = 0; n < 10; n++) sum += JSON.stringify(JSON.parse(text)).length; return sum;`,
  ),
};

/** Answers what the body returns. */
function computing(body: string): Workload {
  const output = JSON.stringify({ result: new Function(body)() });
  const source = `const compute = () => { ${body} };
export default () => ({ result: compute() });
`;
  return { source, input: "{}", output };
}

export async function heavy(context: Context): Promise<PartResult> {
  const rounds = context.isQuick ? 3 : 20;
  await using invoked = await Invoked.start();
  const rows = [];
  for (const [measure, workload] of Object.entries(CASES)) {
    context.progress(measure);
    const call = invoked.call(await invoked.deploy(workload), workload);
    const baseline = await bareDenoRun(context, workload);
    const loads: { ours: Load; bare: Load }[] = [];
    for (let round = 0; round < rounds; round++) {
      loads.push({ ours: await oneByOne(1, 0, call), bare: await oneByOne(1, 0, baseline.call) });
    }
    const samples = (of: "ours" | "bare") => merge(loads.map((load) => load[of])).samples;
    rows.push(...withRatios([
      rowOf({ part: PART, measure, subject: "invoked", unit: "ms" }, samples("ours")),
      rowOf({ part: PART, measure, subject: BARE, unit: "ms" }, samples("bare")),
    ], BARE));
  }
  return { rows, charts: {}, notes: [] };
}
