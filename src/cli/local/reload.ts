/** Applies the configuration file to a running server or worker on SIGHUP. */
import { getLogger } from "@logtape/logtape";
import { changedSettings, type Config, type Resolved } from "../../config/mod.ts";
import { describeError } from "../terminal/failure.ts";
import { listenForHangup } from "../terminal/signals.ts";
import { setUpLogging } from "../terminal/logging.ts";

const logger = getLogger(["invoked", "cli"]);

/** What a reload needs of the running process. */
interface Reloadable {
  /** The configuration with which the process started. */
  readonly started: Resolved;
  /** Reads the configuration again. @throws {ConfigError} */
  readonly read: () => Resolved;
  /**
   * Loads the certificate again, once the server is ready; undefined for a process without one.
   * @param tls undefined for the files in use
   * @returns whether the configuration of TLS is in force
   */
  readonly reloadTls?: (tls: Config["tls"] | undefined) => Promise<boolean>;
}

/**
 * On SIGHUP, applies the log level, loads the certificate again, and names each changed setting that needs a restart.
 * Whatever fails is logged, and the process continues as before. Signals during a reload cause one more reload.
 */
export function reloadOnHangup(reloadable: Reloadable): Disposable {
  const state = { isReloading: false, isWanted: false };
  const reloadAll = async () => {
    state.isWanted = true;
    if (state.isReloading) return;
    state.isReloading = true;
    while (state.isWanted) {
      state.isWanted = false;
      await reload(reloadable);
    }
    state.isReloading = false;
  };
  return listenForHangup(reloadAll);
}

async function reload({ started, read, reloadTls }: Reloadable): Promise<void> {
  const next = readNext(read);
  if (next !== undefined) setUpLogging({ ...started.config.log, level: next.config.log.level });
  // Also for an invalid configuration file: the server then reads the certificate files that it uses now, and an earlier
  // signal may have replaced the files of the start.
  const tlsState = await reloadTls?.(next?.config.tls).then(
    (isInForce) => isInForce ? "in force" : "restart",
    // The certificate has logged why.
    () => "failed" as const,
  );
  if (next === undefined) return;
  const restart = changedSettings(started, next).filter(({ setting, group }) =>
    !setting.reloadable || (group === "tls" && tlsState === "restart")
  );
  if (restart.length > 0) {
    logger.warn("these changed settings apply after a restart: {settings}", {
      settings: restart.map(({ setting }) => `--${setting.name}`).join(", "),
    });
  }
  if (tlsState !== "failed") {
    const { level } = next.config.log;
    logger.info("reloaded after SIGHUP: the log level is {level}", { level });
  }
}

/** The configuration as the file says now; undefined, and logged, if it is invalid. */
function readNext(read: () => Resolved): Resolved | undefined {
  try {
    return read();
  } catch (error) {
    logger.error(
      "Failed to apply the configuration after SIGHUP; the old settings stay in force: {reason}",
      { reason: describeError(error) },
    );
    return undefined;
  }
}
