/** Tries an isolation with a real sandbox, and asks the kernel whether its walls stand. */
import type { SandboxLimits } from "../contract.ts";
import { missingWall, type Subject } from "../../isolation/mod.ts";
import { type Launcher, launcherFor, type Program } from "../instance/launcher.ts";
import { Instance } from "../instance/instance.ts";
import type { Image } from "../image/image.ts";

const KIB = 1024;

/** Limits of the probe's one call, which returns an empty object. */
const PROBE_LIMITS: Omit<
  SandboxLimits,
  "memoryBytes" | "cpuTimeMs" | "poolSize" | "poolMemoryBytes"
> = {
  timeoutMs: 10_000,
  outputBytes: KIB,
  logBytes: KIB,
};

const PROBE_SCRIPT = "async function () { return { default: () => ({ stands: true }) }; }";
const PROBE_ANSWER = '{"stands":true}';

/** Functions on this machine, for the choice of their isolation. */
export function subjectOf({ machine, profile }: Image, program: Program): Subject {
  return { machine, profile, probe: (isolation) => probe(launcherFor(isolation, program)) };
}

/** What is wrong with the isolation, or undefined where it stands. */
async function probe(launcher: Launcher): Promise<string | undefined> {
  try {
    const process = await Instance.start(launcher, "plain");
    try {
      const fault = await missingWall(process.pid, launcher.isolation.expected);
      if (fault !== undefined) return fault;
      const outcome = await process.run(
        {
          script: PROBE_SCRIPT,
          scriptKey: "probe",
          inputJson: "{}",
          outboundAllowlist: [],
          config: { secrets: {} },
          timeoutMs: PROBE_LIMITS.timeoutMs,
        },
        {
          host: { call: () => Promise.reject(new Error("The probe makes no host call")) },
          sourceMap: () => Promise.reject(new Error("The probe has no source map")),
          onLog() {},
          signal: new AbortController().signal,
        },
        { ...PROBE_LIMITS, memoryBytes: 0, cpuTimeMs: 0, poolSize: 0, poolMemoryBytes: 0 },
      );
      if (outcome.kind === "error") return `${outcome.word}: ${outcome.message}`;
      return outcome.outputJson === PROBE_ANSWER ? undefined : "the probe answered something else";
    } finally {
      await process.kill();
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.replace(/\s+/g, " ").replace("Cannot start a sandbox: ", "");
  }
}
