/** Part e: seconds from the upload of a commit to the first answer of its code. */
import type { Context } from "../context.ts";
import { Invoked } from "../invoked.ts";
import { pause } from "../load.ts";
import { type PartResult, rowOf } from "../report.ts";
import { bundleOf, type Workload } from "../workload.ts";

/** Small, without dependencies, and the same bytes forever. */
const WITH_PACKAGE: Workload = {
  source: `import ms from "npm:ms@2.1.3";
export default (input) => ({ milliseconds: ms(input.duration) });
`,
  input: '{"duration":"2 days"}',
  output: '{"milliseconds":172800000}',
};

const KINDS = [
  { measure: "1 KB", workload: bundleOf(1_000) },
  { measure: "350 KB", workload: bundleOf(350_000) },
  { measure: "with an npm package", workload: WITH_PACKAGE },
] as const;
const SETTLE_MS = 1000;
const MS_PER_SECOND = 1000;

/** Each round starts a new server, whose first commit finds nothing of earlier builds. */
export async function finalize(context: Context): Promise<PartResult> {
  const { rounds, later } = context.isQuick ? { rounds: 2, later: 3 } : { rounds: 5, later: 5 };
  const cases = KINDS.map((kind) => ({ ...kind, first: [] as number[], later: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { measure, workload, first, later: further } of cases) {
      context.progress(`round ${round + 1} of ${rounds}: commits ${measure}`);
      await using invoked = await Invoked.start();
      await pause(SETTLE_MS);
      const client = await invoked.client();
      const { function: { id } } = await client.createFunction("finalize");
      for (let n = 0; n <= later; n++) {
        const seconds = await commitAndInvoke(invoked, id, workload, n);
        (n === 0 ? first : further).push(seconds);
      }
    }
  }
  const rows = cases.flatMap(({ measure, first, later }) => [
    rowOf({ part: "finalize", measure, subject: "first commit of a server", unit: "s" }, first),
    rowOf({ part: "finalize", measure, subject: "later commits", unit: "s" }, later),
  ]);
  return {
    rows,
    charts: {
      finalize: {
        kind: "bars",
        title: "From upload to the first answer, median",
        amount: "seconds",
        labels: KINDS.map(({ measure }) => measure),
        series: [
          {
            name: "first commit of a server",
            values: rows.filter((_, at) => at % 2 === 0).map(p50),
          },
          { name: "later commits", values: rows.filter((_, at) => at % 2 === 1).map(p50) },
        ],
      },
    },
    notes: [],
  };
}

function p50(row: { readonly p50: number }): number {
  return row.p50;
}

/** Opens, uploads, finalizes, publishes and calls; each commit has a text of its own. */
async function commitAndInvoke(
  invoked: Invoked,
  functionId: string,
  workload: Workload,
  n: number,
): Promise<number> {
  const client = await invoked.client();
  const files = { "main.ts": `// commit ${n}\n${workload.source}` };
  const start = performance.now();
  const { status, body } = await client.commit(functionId, files);
  if (status !== 200) throw new Error(`The commit was rejected: ${JSON.stringify(body)}`);
  if (!await invoked.set(functionId, "publishedCommitId", body.commit.id)) {
    throw new Error("The commit could not be published");
  }
  await invoked.call(functionId, workload)();
  return (performance.now() - start) / MS_PER_SECOND;
}
