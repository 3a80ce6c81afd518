/** Tests an isolation with a real instance and verifies it in `/proc`. */
import { isDeepStrictEqual } from "node:util";
import type { SandboxLimits } from "../contract.ts";
import { missingIsolation } from "../../isolation/mod.ts";
import type { Instance } from "../instance/instance.ts";
import { runLimits } from "../instance/process.ts";
import type { Launcher } from "../instance/launcher.ts";
import { ByteBudget } from "../../shared/byte_budget.ts";
import { StackMap } from "../../shared/stack.ts";
import { REPLIES_CONTENT_MAX_BYTES } from "../instance/replies.ts";

const KIB = 1024;

/** Limits of the probe's one invocation. A server whose forks are late does not fork until its next start. */
const PROBE_LIMITS = { timeoutMs: 60_000, outputBytes: KIB, logBytes: KIB };

/**
 * Uses what does not work in a fork unless its fork server was made fit for it: timers, threads of the pool, messages and
 * compilation. It also draws from every source of random numbers.
 */
const PROBE_SCRIPT = `async function () {
  const { gzip } = await import("node:zlib");
  const empty = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
  return {
    default: async () => {
      await new Promise((done) => setTimeout(done, 1));
      const zipped = await new Promise((done, fail) =>
        gzip("text", (error, bytes) => error ? fail(error) : done(bytes)));
      const { port1, port2 } = new MessageChannel();
      const message = await new Promise((done) => {
        port1.onmessage = ({ data }) => done(data);
        port2.postMessage("message");
      });
      port1.close();
      return {
        did: [
          (await crypto.subtle.digest("SHA-256", empty)).byteLength,
          zipped[0],
          message,
          WebAssembly.Module.exports((await WebAssembly.instantiate(empty)).module).length,
        ],
        drawn: [
          String(Math.random()),
          crypto.getRandomValues(new Uint8Array(16)).toHex(),
          crypto.randomUUID(),
        ],
      };
    },
  };
}`;
const DID = [32, 0x1f, "message", 0];

/** What a probe has drawn; else what is wrong with it. */
type Probed = { readonly drawn: readonly string[] } | { readonly error: string };

/** What is wrong with the isolation of the launcher; undefined if an instance that is spawned works in it. */
export async function probeSpawned(launcher: Launcher): Promise<string | undefined> {
  try {
    const instance = await launcher.startInstance();
    const failure = instance.pid === undefined
      ? undefined
      : await missingIsolation(instance.pid, launcher.isolation.expected);
    if (failure === undefined) {
      const probed = await probeInstance(instance, launcher.program.limits);
      return "error" in probed ? probed.error : undefined;
    }
    await instance.kill();
    return failure;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return message.replace(/\s+/g, " ").replace("Failed to start an instance: ", "");
  }
}

/**
 * What is wrong with the forks of a zygote; undefined if two of them work and draw different random numbers.
 * @param take takes a fork that has loaded no code
 */
export async function probeForks(
  take: () => Promise<Instance | undefined>,
  limits: SandboxLimits,
): Promise<string | undefined> {
  const seen = new Set<string>();
  for (let fork = 1; fork <= 2; fork++) {
    const instance = await take();
    if (instance === undefined) return "the zygote does not fork";
    const probed = await probeInstance(instance, limits);
    if ("error" in probed) return probed.error;
    if (probed.drawn.some((drawn) => seen.has(drawn))) return "forks repeat random numbers";
    for (const drawn of probed.drawn) seen.add(drawn);
  }
}

/** Runs an invocation in the instance. */
async function probeInstance(
  instance: Instance,
  limits: SandboxLimits,
): Promise<Probed> {
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
        stackMap: () =>
          StackMap.open(() => Promise.reject(new Error("The probe has no source map"))),
        onLog() {},
        replyBudget: new ByteBudget(REPLIES_CONTENT_MAX_BYTES),
        signal: new AbortController().signal,
      },
      runLimits({}, { ...limits, ...PROBE_LIMITS }),
    );
    if (outcome.kind === "error") return { error: `${outcome.code}: ${outcome.message}` };
    const { did, drawn } = JSON.parse(outcome.outputJson);
    return isDeepStrictEqual(did, DID)
      ? { drawn }
      : { error: `the probe answered ${JSON.stringify(did)}` };
  } finally {
    await instance.kill();
  }
}
