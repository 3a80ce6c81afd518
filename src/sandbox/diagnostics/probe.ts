/** Tests an isolation with a real instance and verifies its walls in `/proc`. */
import type { SandboxLimits } from "../contract.ts";
import { missingWall } from "../../isolation/mod.ts";
import type { Instance } from "../instance/instance.ts";
import { runLimits } from "../instance/limits.ts";
import type { Launcher } from "../instance/launcher.ts";
import { ByteBudget } from "../../shared/byte_budget.ts";
import { REPLIES_CONTENT_MAX_BYTES } from "../instance/reply_limits.ts";

const KIB = 1024;

/** Limits of the probe's one call. */
const PROBE_LIMITS = { timeoutMs: 10_000, outputBytes: KIB, logBytes: KIB };

const PROBE_SCRIPT = "async function () { return { default: () => ({ ok: true }) }; }";
const PROBE_ANSWER = '{"ok":true}';

/** What is wrong with the isolation of the launcher; undefined if an instance that is spawned works in it. */
export async function probeSingle(launcher: Launcher): Promise<string | undefined> {
  try {
    const instance = await launcher.startSingle();
    const fault = instance.pid === undefined
      ? undefined
      : await missingWall(instance.pid, launcher.isolation.expected);
    if (fault === undefined) return await probeInstance(instance, launcher.program.limits);
    await instance.kill();
    return fault;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.replace(/\s+/g, " ").replace("Cannot start an instance: ", "");
  }
}

/** Runs a call in the instance. Resolves with what is wrong with the answer; undefined if it is right. */
export async function probeInstance(
  instance: Instance,
  limits: SandboxLimits,
): Promise<string | undefined> {
  try {
    const outcome = await instance.run(
      {
        script: PROBE_SCRIPT,
        scriptKey: "probe",
        functionKey: "probe",
        inputJson: "{}",
        outboundAllowlist: [],
        config: { secrets: {} },
        limits: {},
      },
      {
        host: { call: () => Promise.reject(new Error("The probe makes no host calls")) },
        stackMap: () => Promise.reject(new Error("The probe has no source map")),
        onLog() {},
        replyBudget: new ByteBudget(REPLIES_CONTENT_MAX_BYTES),
        signal: new AbortController().signal,
      },
      runLimits({}, { ...limits, ...PROBE_LIMITS }),
    );
    if (outcome.kind === "error") return `${outcome.code}: ${outcome.message}`;
    return outcome.outputJson === PROBE_ANSWER ? undefined : "the probe answered something else";
  } finally {
    await instance.kill();
  }
}
