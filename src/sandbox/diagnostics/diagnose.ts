/** Diagnoses the isolation of a machine for an operator, without a server. */
import {
  type Isolation,
  type Mode,
  MODES,
  type Programs,
  recommend,
  type Recommendation,
  recommendForBuilds,
  tryMode,
  type Verdict,
} from "../../isolation/mod.ts";
import { openCgroups, processLimits } from "../instance/process.ts";
import type { SandboxLimits } from "../contract.ts";
import { Launcher } from "../instance/launcher.ts";
import { prepareProgram } from "../instance/program.ts";
import { probeSpawned } from "./probe.ts";
import { openImage } from "../image/image.ts";

export interface Diagnosis {
  /** One for each mode, the strongest first. */
  readonly verdicts: readonly Verdict[];
  /** The wrappers by absolute path. */
  readonly programs: Programs;
  /** The mode that `auto` selects; undefined if none is available. */
  readonly strongest: Mode | undefined;
  /** Whether instances also run in memory and pids cgroups. */
  readonly cgroups: boolean;
  readonly recommendations: readonly Recommendation[];
}

/** Tests every mode with a real instance. Rejects if the runtime itself does not start. */
export async function diagnose(
  limits: SandboxLimits,
  { cacheDir, searchPath }: { readonly cacheDir: string; readonly searchPath: string },
): Promise<Diagnosis> {
  await using image = await openImage(cacheDir, searchPath);
  const program = await prepareProgram(limits, image, undefined);
  const verdicts: Verdict[] = [];
  const { machine, profile } = image;
  const probe = (isolation: Isolation) => probeSpawned(new Launcher(isolation, program));
  for (const mode of MODES) verdicts.push(await tryMode(mode, { machine, profile, probe }));
  const { programs } = machine;
  const failed = new Map<Mode, string>();
  for (const verdict of verdicts) if (!verdict.available) failed.set(verdict.mode, verdict.reason);
  const cgroups = await openCgroups(machine, processLimits("instance", 0, limits));
  await cgroups?.[Symbol.asyncDispose]();
  return {
    verdicts,
    programs,
    strongest: verdicts.find(({ available }) => available)?.mode,
    cgroups: cgroups !== undefined,
    recommendations: failed.has("bubblewrap")
      ? await recommend(failed, machine, profile)
      : [...await recommend(failed, machine, profile), ...await recommendForBuilds()],
  };
}
