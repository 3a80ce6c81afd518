/** What an operator wants to know of the sandboxes of a machine, without starting a server. */
import { type Mode, MODES, type Programs, tryMode, type Verdict } from "../../isolation/mod.ts";
import { openCgroups } from "../instance/cgroups.ts";
import type { SandboxLimits } from "../contract.ts";
import { prepareProgram } from "../instance/launcher.ts";
import type { SandboxOptions } from "../mod.ts";
import { subjectOf } from "./probe.ts";
import { findRecommendations, type Recommendation } from "./recommendations.ts";
import { openImage } from "../image/image.ts";

export interface Diagnosis {
  /** One for each mode, the strongest first. */
  readonly verdicts: readonly Verdict[];
  /** The wrappers by absolute path. */
  readonly programs: Programs;
  /** What `auto` takes; undefined where not even the weakest mode stands. */
  readonly strongest: Mode | undefined;
  /** Whether processes get memory and pids cgroups as well. */
  readonly cgroups: boolean;
  readonly remedies: readonly Recommendation[];
}

/** Tries every mode with a real sandbox. Rejects where not even the runtime starts. */
export async function diagnose(
  limits: SandboxLimits,
  { cacheDir, searchPath }: Pick<SandboxOptions, "cacheDir" | "searchPath">,
): Promise<Diagnosis> {
  await using around = await openImage(cacheDir, searchPath);
  const program = await prepareProgram(limits, around, undefined);
  const verdicts: Verdict[] = [];
  for (const mode of MODES) verdicts.push(await tryMode(mode, subjectOf(around, program)));
  const { programs } = around.machine;
  const cgroups = await openCgroups(around, program);
  await cgroups?.[Symbol.asyncDispose]();
  return {
    verdicts,
    programs,
    strongest: verdicts.find(({ stands }) => stands)?.mode,
    cgroups: cgroups !== undefined,
    remedies: await findRecommendations(verdicts, programs, searchPath),
  };
}
