/** Tries an isolation with a real sandbox, and asks the kernel whether its walls stand. */
import type { SandboxLimits } from "./contract.ts";
import type { Expected } from "./isolation/isolation.ts";
import type { Launcher } from "./launch.ts";
import { SandboxProcess } from "./process.ts";
import { readProcfs } from "./procfs.ts";

const KIB = 1024;

/** Limits of the probe's one call, which returns an empty object. */
const PROBE_LIMITS: Omit<SandboxLimits, "memoryBytes" | "cpuTimeMs" | "poolSize"> = {
  timeoutMs: 10_000,
  outputBytes: KIB,
  logBytes: KIB,
};

const PROBE_SCRIPT = "async function () { return { default: () => ({ stands: true }) }; }";
const PROBE_ANSWER = '{"stands":true}';

/** Wrappers that stay, below which the function's process is looked for. */
const WRAPPERS_MAX = 4;

/** What is wrong with the isolation, or undefined where it stands. */
export async function probe(launcher: Launcher): Promise<string | undefined> {
  try {
    const process = await SandboxProcess.start(launcher, "plain");
    try {
      const fault = Deno.build.os === "linux"
        ? await missingWall(process.pid, launcher.isolation.expected)
        : undefined;
      if (fault !== undefined) return fault;
      const outcome = await process.run(
        {
          script: PROBE_SCRIPT,
          sourceMap: () => Promise.reject(new Error("The probe has no source map")),
          inputJson: "{}",
          outboundAllowlist: [],
          config: { secrets: {} },
          host: { call: () => Promise.reject(new Error("The probe asks for nothing")) },
          timeoutMs: PROBE_LIMITS.timeoutMs,
        },
        { onLog() {}, signal: new AbortController().signal },
        { ...PROBE_LIMITS, memoryBytes: 0, cpuTimeMs: 0, poolSize: 0 },
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

async function missingWall(pid: number, expected: Expected): Promise<string | undefined> {
  const inner = expected.ownProcessNamespace ? await innermost(pid) : pid;
  const status = await readProcfs(`${inner}/status`);
  if (status === undefined) return `the kernel tells nothing of process ${inner}`;
  const field = (name: string) =>
    new RegExp(`^${name}:\\s+(.*)$`, "m").exec(status)?.[1]?.split(/\s+/) ?? [];
  if (expected.noNewPrivileges && field("NoNewPrivs")[0] !== "1") return "no_new_privs is not set";
  if (expected.seccomp && field("Seccomp")[0] !== "2") return "the seccomp filter is not loaded";
  if (expected.uid !== undefined && field("Uid").some((uid) => uid !== `${expected.uid}`)) {
    return `the process does not run as user ${expected.uid}`;
  }
  const hasPower = ["CapEff", "CapPrm", "CapBnd"].some((set) => !/^0+$/.test(field(set)[0] ?? ""));
  if (expected.noCapabilities && hasPower) return "the process has capabilities";
  // In a namespace of its own a process has a second id, and it is the first there.
  if (expected.ownProcessNamespace && field("NSpid").at(-1) !== "1") {
    return "the process has no process namespace of its own";
  }
  return undefined;
}

/** The function's process below its wrapper. */
async function innermost(pid: number): Promise<number> {
  let at = pid;
  for (let depth = 0; depth < WRAPPERS_MAX; depth++) {
    const child = (await readProcfs(`${at}/task/${at}/children`))?.trim().split(" ")[0] ?? "";
    if (child === "") break;
    at = Number(child);
  }
  return at;
}
