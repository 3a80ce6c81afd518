import { getLogger } from "@logtape/logtape";
import type { Command } from "commander";
import type { RunningWorker } from "../compose/worker.ts";
import {
  ALL_SETTINGS,
  type Config,
  loadConfig,
  type PlacedSetting,
  readEnvironment,
} from "../config/mod.ts";
import { reloadOnHangup } from "./local/reload.ts";
import { startFailure } from "./local/start_failure.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { Failure } from "./terminal/failure.ts";
import { setUpLogging } from "./terminal/logging.ts";
import { printJsonLine } from "./terminal/output.ts";
import { listenForStop } from "./terminal/signals.ts";

const logger = getLogger(["invoked", "cli"]);

/** Groups whose settings all concern a worker. */
const GROUPS: readonly PlacedSetting["group"][] = ["nats", "log", "sandbox", "reuse", "egress"];
/** A worker reads objects by the URLs that come with its jobs. */
const OF_API_NODES: PlacedSetting["path"] = "nats.objects";
const FURTHER: readonly PlacedSetting["path"][] = [
  "server.configFile",
  "server.host",
  "server.port",
  "telemetry.metricsPort",
  "telemetry.metricsHost",
  "telemetry.otlpEndpoint",
  "telemetry.otlpHeadersFile",
  "telemetry.otlpCaFile",
  "telemetry.otlpIntervalMs",
  "server.dataDir",
  "server.drainTimeoutMs",
  "invocations.timeoutMs",
  "invocations.maxTimeoutMs",
  "invocations.cpuTimeMs",
  "invocations.maxCpuTimeMs",
  "invocations.memoryBytes",
  "invocations.maxMemoryBytes",
  "invocations.maxInputBytes",
  "invocations.maxOutputBytes",
  "invocations.maxLogBytes",
  "invocations.poolSize",
  "invocations.poolMemoryBytes",
  "invocations.asyncSlots",
];

/** `invoked worker`: runs invocations for API nodes until SIGTERM or SIGINT. */
export function register(command: Command): void {
  const readFlags = addSettingFlags(
    command,
    ALL_SETTINGS.filter(({ group, path }) =>
      GROUPS.includes(group) && path !== OF_API_NODES || FURTHER.includes(path)
    ),
  );
  addJsonOption(command);
  addExamples(
    command,
    "invoked worker --nats nats://127.0.0.1:4222 --capacity 8 --data /var/cache/invoked",
    "invoked worker --nats tls://nats.example:4222 --nats-credentials worker.creds --port 8080",
  );
  command.action(async ({ json = false }: { readonly json?: boolean }) => {
    const read = () => loadConfig(readFlags(), readEnvironment());
    const started = read();
    const { config } = started;
    setUpLogging(config.log);
    using _reload = reloadOnHangup({ started, read });
    // The default of --port is the server's: a worker listens if somebody asks for it.
    await work(config, { json, answersProbes: started.sources["server.port"] !== "default" });
  });
}

interface WorkOptions {
  readonly json: boolean;
  readonly answersProbes: boolean;
}

async function work(config: Config, { json, answersProbes }: WorkOptions): Promise<void> {
  const running: { worker?: RunningWorker } = {};
  using stop = listenForStop(() => running.worker?.kill());
  const worker = await start(config, answersProbes, stop.signalled);
  if (worker === undefined) return logger.info("stopped before the start");
  running.worker = worker;
  const { id, capacity, walls } = worker;
  if (json) printJsonLine({ id, capacity, walls });
  else console.log(`invoked worker ${id} is ready with ${capacity} slots; sandbox ${walls}`);
  const end = await Promise.race([
    stop.signalled.then((signal) => ({ signal })),
    worker.foreign.then((reason) => ({ reason })),
  ]);
  if ("signal" in end) {
    const { signal } = end;
    logger.info("draining after {signal}; a second signal kills the worker", { signal });
  } else logger.error("draining: {reason}", { reason: end.reason });
  await worker.drain();
  if ("reason" in end) {
    throw new Failure(`The worker stopped: ${end.reason}`, { exit: "protocol" });
  }
  logger.info("stopped");
}

/** Undefined if the process is to stop before NATS answers. */
async function start(
  config: Config,
  answersProbes: boolean,
  signalled: Promise<unknown>,
): Promise<RunningWorker | undefined> {
  const { startWorker } = await import("../compose/worker.ts");
  const stopping = new AbortController();
  signalled.then(() => stopping.abort());
  try {
    return await startWorker(config, answersProbes, stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) return undefined;
    logger.debug("the worker did not start", { error });
    throw startFailure("worker", error, config);
  }
}
