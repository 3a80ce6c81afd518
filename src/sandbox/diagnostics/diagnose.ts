/** Diagnoses the isolation of a machine for an operator, without a server. */
import {
  type Isolation,
  type Mode,
  MODES,
  recommend,
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

export type Diagnosis = Readonly<Awaited<ReturnType<typeof diagnose>>>;

/** Tests every mode with a real instance. Rejects if the runtime itself does not start. */
export async function diagnose(
  limits: SandboxLimits,
  { cacheDir, searchPath }: { readonly cacheDir: string; readonly searchPath: string },
) {
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
    /** One for each mode, the strongest first. */
    verdicts,
    /** The wrappers by absolute path. */
    programs,
    /** The mode that `auto` selects; undefined if none is available. */
    strongest: verdicts.find(({ available }) => available)?.mode,
    /** Whether instances also run in memory and pids cgroups. */
    cgroups: cgroups !== undefined,
    recommendations: failed.has("bubblewrap")
      ? await recommend(failed, machine, profile)
      : [...await recommend(failed, machine, profile), ...await recommendForBuilds()],
  };
}
