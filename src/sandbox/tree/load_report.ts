/** Evaluates a script for a report: in a template that no invocation starts from. */
import type { StackMapReader } from "../../shared/stack.ts";
import type { LoadReport, ReportedScript, SandboxLimits } from "../contract.ts";
import type { CodeCaches } from "./code_caches.ts";
import type { ForkServer } from "./fork_server.ts";
import { judge, reportOf } from "./judge.ts";
import { Template } from "./template.ts";
import type { TreeResources } from "./zygote.ts";

/** Niceness of the process: invocations go first. */
const NICENESS = 15;

/** @returns undefined if the signal aborts meanwhile */
export async function evaluateForReport(
  { key, script }: ReportedScript,
  stackMap: StackMapReader,
  signal: AbortSignal,
  { zygote, resources, limits, codeCaches }: {
    readonly zygote: ForkServer;
    readonly resources: TreeResources;
    readonly limits: SandboxLimits;
    readonly codeCaches: CodeCaches;
  },
): Promise<LoadReport | undefined> {
  // Invocations have it, too.
  await codeCaches.make(key, script);
  if (signal.aborted) return undefined;
  using template = await Template.make(zygote, resources);
  const end = () => template[Symbol.dispose]();
  signal.addEventListener("abort", end, { once: true });
  try {
    template.lowerPriority(NICENESS);
    const evaluated = await template.load({ script, codeCache: codeCaches.of(key) }, limits);
    const judgement = await judge(evaluated, { script, stackMap });
    return signal.aborted ? undefined : reportOf(evaluated.ms, judgement);
  } finally {
    signal.removeEventListener("abort", end);
  }
}
