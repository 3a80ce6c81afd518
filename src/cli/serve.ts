import { getLogger } from "@logtape/logtape";
import type { Command } from "commander";
import type { RunningServer } from "../compose/running_server.ts";
import { type Config, loadConfig, readEnvironment, type Resolved } from "../config/mod.ts";
import { exists } from "../shared/files.ts";
import { HeldSocket } from "../shared/held_socket.ts";
import { isSyncFailure, StorageUnavailable } from "../store/storage_health.ts";
import { exitOnSyncFailure, startFailure, syncFailure } from "./local/start_failure.ts";
import { describeError, Failure, firstError } from "./terminal/failure.ts";
import { setUpLogging } from "./terminal/logging.ts";
import { printJsonLine } from "./terminal/output.ts";
import { listenForStop } from "./terminal/signals.ts";
import { addExamples, addJsonOption } from "./options/common_options.ts";
import { dataSettings } from "./options/installation.ts";
import { addSettingFlags } from "./options/setting_flags.ts";
import { atSocket, inheritedSocket } from "./local/inherited_socket.ts";
import { reloadOnHangup } from "./local/reload.ts";
import { RESTART_FLAG, superviseServer } from "./local/supervisor.ts";
import { renderWelcome, welcomeJson } from "./terminal/welcome.ts";

const logger = getLogger(["invoked", "cli"]);

/** How often a server starts that loses its database meanwhile. */
const STARTS_MAX = 3;

interface ServeOptions {
  readonly json?: boolean;
  readonly restartOnFailure?: boolean;
}

/** `invoked serve`: runs the server until SIGTERM or SIGINT. */
export function register(command: Command): void {
  const readFlags = addSettingFlags(command);
  addJsonOption(command);
  command.option(RESTART_FLAG, "Start the server again when it ends with an error, or on SIGHUP");
  addExamples(command, "invoked serve", "invoked serve --port 9000 --data /var/lib/invoked");
  command.action(async ({ json = false, restartOnFailure = false }: ServeOptions) => {
    const given = readFlags();
    const read = () => loadConfig(given, readEnvironment());
    const resolved = read();
    const { config } = resolved;
    setUpLogging(config.log);
    // Before anything starts a process.
    const socket = await inheritedSocket();
    if (restartOnFailure) {
      return await superviseServer(socket ?? await bind(config), () => checkConfig(read()));
    }
    const at = socket === undefined ? config : atSocket(resolved, socket);
    await serve({ resolved, read, config: at, socket, json });
  });
}

/** The socket that the parent of servers holds. */
async function bind(config: Config): Promise<HeldSocket> {
  const { host, port } = config.server;
  return await HeldSocket.bind(host, port).catch((error) => {
    throw startFailure("server", error, config);
  });
}

/** @throws {Failure} if a server with the configuration would not start because of a file that a setting names */
async function checkConfig({ config }: Resolved): Promise<void> {
  const { unusableFiles } = await import("../compose/start_check.ts");
  const unusable = await unusableFiles(config);
  if (unusable.length > 0) throw new Failure(unusable.join("; "));
}

interface Serving {
  readonly resolved: Resolved;
  /** Reads the settings again. */
  readonly read: () => Resolved;
  /** At the socket, if there is one. */
  readonly config: Config;
  readonly socket: HeldSocket | undefined;
  readonly json: boolean;
}

async function serve(
  { resolved, read, config, socket, json }: Serving,
): Promise<void> {
  const running: { server?: RunningServer } = {};
  const ready = Promise.withResolvers<RunningServer>();
  using _reload = reloadOnHangup({
    started: resolved,
    read,
    reloadTls: async (tls) => (await ready.promise).reloadTls(tls),
  });
  using stop = listenForStop(() => running.server?.kill());
  const stopping = new AbortController();
  stop.signalled.then(() => stopping.abort());
  const server = running.server = await start(
    config,
    socket,
    resolved.variables(dataSettings()),
    stopping.signal,
  );
  ready.resolve(server);
  if (json) printJsonLine(welcomeJson(server));
  else {
    const hasCredentials = await exists(server.credentialsPath);
    console.log(renderWelcome(server, config.server.dataDir, hasCredentials));
  }
  const signal = await stop.signalled;
  logger.info("draining after {signal}; a second signal kills the server", { signal });
  await server.drain();
  logger.info("stopped");
}

/**
 * Loads the server's modules, which the short commands do not need.
 * @param dataVariables the variables of another process that reads the data of this server
 */
async function start(
  config: Config,
  socket: HeldSocket | undefined,
  dataVariables: Readonly<Record<string, string>>,
  stopping: AbortSignal,
): Promise<RunningServer> {
  const { startServer } = await import("../compose/server.ts");
  const { verificationProcess } = await import("../compose/verification_process.ts");
  for (let starts = 1;; starts++) {
    try {
      return await startServer(config, {
        deployExample: true,
        onSyncFailure: exitOnSyncFailure,
        verify: verificationProcess(dataVariables),
        stopping,
        socket,
      });
    } catch (thrown) {
      const error = firstError(thrown);
      if (error instanceof Error && isSyncFailure(error)) throw syncFailure(error);
      logger.debug("the server did not start", { error: thrown });
      // A disk that is full stays so; a database that was reached is there again soon.
      const isLost = error instanceof StorageUnavailable && config.database.url !== undefined;
      if (!isLost || starts === STARTS_MAX) throw startFailure("server", error, config);
      logger.warn("the server starts again: {reason}", { reason: describeError(error) });
    }
  }
}
