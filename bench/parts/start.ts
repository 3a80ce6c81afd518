/** Part l: the processor time of a start, from a clone and from a release. */
import { INVOKED, removeDirectory } from "../../tests/support/invoked.ts";
import { releasedProgram } from "../../tests/support/release.ts";
import { makeDataDir, TestServer } from "../../tests/support/server.ts";
import type { Context } from "../context.ts";
import { type PartResult, rowOf } from "../report.ts";
import { ownMs, processorMs } from "../scale/processor_time.ts";

const ROUNDS = 15;
const ROUNDS_QUICK = 5;

/** Milliseconds of processor time of starts. */
interface Samples {
  readonly name: string;
  readonly program: string;
  readonly server: number[];
  readonly all: number[];
}

export async function start(context: Context): Promise<PartResult> {
  const samples: readonly Samples[] = [
    { name: "clone", program: INVOKED, server: [], all: [] },
    { name: "release", program: await releasedProgram(), server: [], all: [] },
  ];
  // Deno compiles each program in its first start, and keeps what it has compiled.
  for (const { program } of samples) await measureStart(program);
  const rounds = context.isQuick ? ROUNDS_QUICK : ROUNDS;
  for (let round = 1; round <= rounds; round++) {
    context.progress(`round ${round} of ${rounds}`);
    for (const { program, server, all } of samples) {
      const used = await measureStart(program);
      server.push(used.server);
      all.push(used.all);
    }
  }
  const rows = samples.flatMap(({ name: subject, server, all }) => {
    const options = { part: "start", subject, unit: "ms" } as const;
    return [
      rowOf({ ...options, measure: "processor time, server" }, server),
      rowOf({ ...options, measure: "processor time, all processes" }, all),
    ];
  });
  return { rows, charts: {}, notes: [] };
}

/** Starts a server on a data directory of an earlier one. @returns the processor time until the server is ready */
async function measureStart(program: string): Promise<Record<"server" | "all", number>> {
  const dataDir = await makeDataDir();
  try {
    await using server = await TestServer.start({ dataDir, program });
    const [own, all] = await Promise.all([ownMs(server.pid), processorMs(server.pid)]);
    return { server: own, all };
  } finally {
    await removeDirectory(dataDir);
  }
}
