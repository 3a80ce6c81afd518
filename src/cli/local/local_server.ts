import { dirname, join } from "node:path";
import {
  ALL_SETTINGS,
  type Given,
  readEnvironment,
  resolveConfig,
  type Resolved,
} from "../../config/mod.ts";
import { FunctionLimits } from "../../domain/limits.ts";
import { type Count, type Duration, isLimited, scaleOf } from "../../resources/field.ts";
import { DataDirError } from "../../store/data_dir.ts";
import { INVOCATION_LIMITS } from "../../resources/functions.ts";
import { Api } from "../client/api.ts";
import { dataDirTarget } from "../client/credentials.ts";
import { Session } from "../client/session.ts";
import { describeError, Failure, firstError } from "../terminal/failure.ts";
import { type Manifest, needLocalManifest } from "../folder/manifest.ts";
import type { LocalTenant } from "./local_tenant.ts";
import { PRIVATE_DIR } from "../folder/editor.ts";
import { withoutOwnVariables } from "../options/local_settings.ts";
import { domainValues } from "../folder/function_settings.ts";
import { settingsBeyond, warnOfLimits } from "./setting_limits.ts";
import { exitOnSyncFailure } from "./start_failure.ts";
import { setUpLogging } from "../terminal/logging.ts";

/** Instances that wait: invocations come one after another. */
const POOL_SIZE = "1";

/** A server in this process with a temporary store; disposing it removes the store. */
interface LocalServer extends AsyncDisposable {
  readonly api: Api;
  /** Other commands reach the server with `--data` and this directory. */
  readonly dataDir: string;
}

/**
 * Starts a server with a temporary store on a free port of this machine. Its downloads stay in the folder for the next
 * start.
 *
 * @param flags limits of `invoked serve`; they win over the `INVOKED_*` variables, which apply as well
 * @param tenant changes the calls of functions to their tenant
 */
export async function startLocalServer(
  folder: string,
  flags: Given,
  { calls }: Pick<LocalTenant, "calls"> = { calls: undefined },
): Promise<LocalServer> {
  const env = withoutOwnVariables(readEnvironment());
  const dataDir = await Deno.makeTempDir({ prefix: "invoked-local-" });
  await using opened = new AsyncDisposableStack();
  opened.defer(() => removeStore(dataDir));
  await linkDownloads(folder, dataDir);
  const own = { ...flags, data: dataDir, host: "127.0.0.1", port: "0" };
  const resolved = resolveConfig(own, env);
  const manifest = await needLocalManifest(folder);
  const maxima = maximaFor(manifest, resolved);
  // The local server raises its limits; the server of a deploy may not.
  warnOfLimits(
    settingsBeyond(manifest, resolved.config).filter(({ description }) =>
      Object.keys(maxima).some((flag) => description.endsWith(`(--${flag})`))
    ),
  );
  const isPoolGiven = resolved.sources["invocations.poolSize"] !== "default";
  const pool = isPoolGiven ? {} : { "pool-size": POOL_SIZE };
  const { config } = resolveConfig({ ...own, ...maxima, ...pool }, env);
  setUpLogging({ format: "auto", level: "error" });
  const { startServer } = await import("../../compose/server.ts");
  const server = await startServer(config, {
    deployExample: false,
    changeTenantCalls: calls,
    onSyncFailure: exitOnSyncFailure,
    // Somebody waits for it.
    stopping: AbortSignal.abort(),
  }).catch((thrown) => {
    const error = firstError(thrown);
    // The user did not choose this data directory, so the way out cannot be another --data.
    if (error instanceof DataDirError) {
      throw new Failure(`The local server did not start: ${error.violation}`, {
        next: "move the function's folder to another file system, or name another directory for " +
          "temporary files with TMPDIR",
      });
    }
    throw new Failure(`The local server did not start: ${describeError(error)}`, {
      next: "find what is missing on this machine with invoked doctor",
    });
  });
  opened.defer(() => server.drain());
  const api = opened.use(new Api(new Session(await dataDirTarget(dataDir))));
  const parts = opened.move();
  return { api, dataDir, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/**
 * Flags that allow the settings of a folder on its local server, unless a flag or variable forbids them. The server of
 * a deploy has its own limits.
 */
function maximaFor(manifest: Manifest, { config: { invocations }, sources }: Resolved): Given {
  const { maxima } = new FunctionLimits(invocations);
  const wanted = domainValues(INVOCATION_LIMITS, manifest);
  const raised = Object.entries<Count | Duration>(INVOCATION_LIMITS).flatMap(([name, field]) => {
    const flag = isLimited(field) ? field.max.flag : "";
    const placed = ALL_SETTINGS.find(({ setting }) => `--${setting.name}` === flag);
    const amount = Number(wanted[name] ?? 0) * (field.kind === "count" ? scaleOf(field) : 1);
    const isBeyond = amount > (maxima[flag] ?? Infinity);
    if (placed === undefined || !isBeyond || sources[placed.path] !== "default") return [];
    const unit = field.kind === "duration" ? "ms" : field.unit === undefined ? "" : "B";
    return [[placed.setting.name, `${amount}${unit}`]];
  });
  return Object.fromEntries(raised);
}

const REMOVE_ATTEMPTS = 20;
const REMOVE_PAUSE_MS = 50;

/** An instance that is starting may write into the directory until it is dead. */
async function removeStore(dataDir: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await Deno.remove(dataDir, { recursive: true });
    } catch (error) {
      if (attempt === REMOVE_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS));
    }
  }
}

/** Keeps the packages that builds download in the folder. */
async function linkDownloads(folder: string, dataDir: string): Promise<void> {
  const kept = downloadsDir(folder);
  await Deno.mkdir(kept, { recursive: true, mode: 0o700 });
  const cache = join(dataDir, "cache", "builder");
  await Deno.mkdir(dirname(cache), { mode: 0o700 });
  await Deno.symlink(kept, cache);
}

/** The directory of a folder for the packages that builds of its function download. */
export function downloadsDir(folder: string): string {
  return join(folder, PRIVATE_DIR, "cache", "builder");
}
