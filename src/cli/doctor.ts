import type { Command } from "commander";
import { VERSION } from "../shared/installation.ts";
import {
  ALL_SETTINGS,
  type Config,
  countOf,
  formatSetting,
  readEnvironment,
  resolveConfig,
  settingToJson,
} from "../config/mod.ts";
import type { DataReport } from "../store/data_check.ts";
import type { Diagnosis } from "../sandbox/mod.ts";
import { join } from "node:path";
import { describeError, Failure, oneLine } from "./terminal/failure.ts";
import { addExamples } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";

/** Groups of the settings that limit functions and builds. */
const LIMIT_GROUPS = ["rates", "invocations", "tests", "egress", "commits", "builder"];

/**
 * `invoked doctor`: the isolation modes available on this machine, what stronger modes need, and what is damaged in the
 * data directory.
 */
export function register(command: Command): void {
  command
    .option("--json", "Print JSON");
  const readFlags = addSettingFlags(command);
  addExamples(command, "invoked doctor");
  command.action(async ({ json }: { readonly json?: true }) => {
    const { config } = resolveConfig(readFlags(), readEnvironment());
    const report = await diagnoseMachine(config);
    console.log(json ? JSON.stringify(report, null, 2) : renderReport(report, config));
    if (!report.isolation.available) {
      throw new Failure(
        `Functions cannot be isolated as configured: ${report.isolation.configured}`,
      );
    }
    if (report.data.damaged.length > 0) {
      throw new Failure(`${countOf(report.data.damaged.length, "damage")} in ${report.data.path}`, {
        next: "restore from a backup what the report lists",
      });
    }
  });
}

const CGROUPS_AVAILABLE = "available: memory and pids, in every mode";
const CGROUPS_UNAVAILABLE =
  "not available: the server cannot create any; run it as root or delegate its group";

interface Report {
  readonly versions: Readonly<Record<string, string | null>>;
  readonly isolation: {
    readonly configured: string;
    /** The mode that the server would use. */
    readonly selected: string | null;
    readonly available: boolean;
    readonly modes: readonly {
      readonly mode: string;
      readonly available: boolean;
      /** The isolation of an available mode, otherwise the reason. */
      readonly detail: string;
    }[];
    /** Whether functions also run in memory and pids cgroups. */
    readonly cgroups: boolean;
    /** Whether instances are forked from a process with a loaded runtime, or why each invocation starts a process. */
    readonly forks: { readonly available: boolean; readonly detail: string };
    /** Whether native code of a function is kept from the machine's abstract unix sockets, and by what. */
    readonly abstractSockets: { readonly closed: boolean; readonly detail: string };
    /** The isolation of the compiler, or why the configured modes are not available. */
    readonly builds: { readonly available: boolean; readonly detail: string };
  };
  /** What is damaged in the data directory. */
  readonly data: DataReport;
  /** Durations in milliseconds, sizes in bytes. */
  readonly limits: Readonly<Record<string, unknown>>;
  readonly missing: Diagnosis["recommendations"];
}

async function diagnoseMachine(config: Config): Promise<Report> {
  const { sandbox: { isolation, searchPath }, invocations } = config;
  const { diagnose } = await import("../sandbox/mod.ts");
  const { checkDataDir } = await import("../store/data_check.ts");
  // A server may be using the data directory.
  const cacheDir = await Deno.makeTempDir({ prefix: "invoked-doctor-" });
  try {
    const found = await diagnose({
      ...invocations,
      outputBytes: invocations.maxOutputBytes,
      logBytes: invocations.maxLogBytes,
    }, { cacheDir, searchPath });
    const modes = found.verdicts.map((verdict) => ({
      mode: verdict.mode,
      available: verdict.available,
      detail: verdict.available ? verdict.isolation.description : verdict.reason,
    }));
    const builds = await diagnoseBuilds(config, cacheDir);
    const wanted = isolation === "auto" ? found.strongest : isolation;
    const forks = await diagnoseForks(config, cacheDir);
    const available = builds.available &&
      modes.some((mode) => mode.mode === wanted && mode.available);
    return {
      versions: await findVersions(found.programs),
      isolation: {
        configured: isolation,
        selected: available ? wanted ?? null : null,
        available,
        modes,
        cgroups: found.cgroups,
        forks,
        abstractSockets: diagnoseAbstractSockets(
          wanted,
          forks.available && modes.some(({ mode, available }) => mode === "landlock" && available),
        ),
        builds,
      },
      data: await checkDataDir(config.server.dataDir),
      limits: Object.fromEntries(
        limitSettings().map((placed) => [placed.path, settingToJson(placed, config)]),
      ),
      missing: found.recommendations,
    };
  } catch (error) {
    throw new Failure(`The test of the isolation failed: ${describeError(error)}`);
  } finally {
    await Deno.remove(cacheDir, { recursive: true });
  }
}

async function diagnoseForks(
  config: Config,
  directory: string,
): Promise<Report["isolation"]["forks"]> {
  const { openSandboxes } = await import("../compose/sandboxes.ts");
  try {
    await using tried = await openSandboxes(config, join(directory, "forks"));
    await tried.start();
    const { forkError, walls } = tried;
    return { available: forkError === undefined, detail: forkError ?? walls };
  } catch (error) {
    return { available: false, detail: describeError(error) };
  }
}

/** @param hasLandlock whether instances are forked on a kernel with Landlock and enter a domain where it has scopes */
function diagnoseAbstractSockets(
  mode: string | undefined,
  hasLandlock: boolean,
): Report["isolation"]["abstractSockets"] {
  if (mode === "bubblewrap") return { closed: true, detail: "each invocation has its own network" };
  const [major = 0, minor = 0] = Deno.osRelease().split(".").map(Number);
  if (hasLandlock && (major > 6 || (major === 6 && minor >= 12))) {
    return {
      closed: true,
      detail: "by a Landlock scope around each invocation, not around the compiler",
    };
  }
  const detail = "without forks and Landlock of Linux 6.12, only the mode bubblewrap closes them";
  return { closed: false, detail };
}

async function diagnoseBuilds(
  { sandbox, builder }: Config,
  directory: string,
): Promise<Report["isolation"]["builds"]> {
  const { buildLimits, createBuilder, registryOf } = await import("../builder/mod.ts");
  await using tried = createBuilder(buildLimits(builder), {
    ...sandbox,
    workDir: join(directory, "work"),
    cacheDir: join(directory, "downloads"),
    registry: registryOf(builder.registryEnv),
  });
  try {
    await tried.start();
    return { available: true, detail: tried.walls };
  } catch (error) {
    return { available: false, detail: describeError(error) };
  }
}

function limitSettings() {
  return ALL_SETTINGS.filter(({ group }) => LIMIT_GROUPS.includes(group));
}

async function findVersions(programs: Diagnosis["programs"]): Promise<Report["versions"]> {
  return {
    invoked: VERSION,
    deno: Deno.version.deno,
    kernel: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    bubblewrap: await versionOf(programs.bwrap),
    setpriv: await versionOf(programs.setpriv),
  };
}

/** The last word of `--version`; null for a program that is not installed. */
async function versionOf(program: string | undefined): Promise<string | null> {
  if (program === undefined) return null;
  const { stdout } = await new Deno.Command(program, { args: ["--version"], stderr: "null" })
    .output();
  return oneLine(new TextDecoder().decode(stdout)).split(" ").at(-1) ?? null;
}

function renderForks({ available, detail }: Report["isolation"]["forks"]): string {
  if (available) return "available: each invocation has a process forked for it alone";
  return `not available, each invocation starts a process: ${oneLine(detail)}`;
}

function renderAbstractSockets(
  { closed, detail }: Report["isolation"]["abstractSockets"],
): string {
  return closed
    ? `closed to invocations: ${detail}`
    : `open to native code in an invocation: ${detail}`;
}

function renderData({ path, exists, blobs, damaged }: DataReport): string[] {
  if (!exists) return [`  no server has used ${path}`];
  if (damaged.length > 0) return damaged.map((error) => `  ${oneLine(error)}`);
  return [`  ${path}: the database and ${countOf(blobs, "blob")} are whole`];
}

function renderReport(report: Report, config: Config): string {
  const { versions, isolation, missing } = report;
  const columns = (rows: readonly (readonly [string, string])[]) => {
    const width = Math.max(...rows.map(([name]) => name.length));
    return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
  };
  return [
    "Versions",
    ...columns(
      Object.entries(versions).map(([name, version]) => [name, version ?? "not installed"]),
    ),
    "",
    `Isolation (configured: ${isolation.configured}; selected: ${isolation.selected ?? "none"})`,
    ...columns([
      ...isolation.modes.map(({ mode, available, detail }) =>
        [mode, `${available ? "available" : "not available"}: ${oneLine(detail)}`] as const
      ),
      ["cgroups", isolation.cgroups ? CGROUPS_AVAILABLE : CGROUPS_UNAVAILABLE],
      ["forks", renderForks(isolation.forks)],
      ["abstract sockets", renderAbstractSockets(isolation.abstractSockets)],
    ]),
    "",
    "Isolation of builds",
    ...columns([[
      isolation.builds.available ? "available" : "not available",
      oneLine(isolation.builds.detail),
    ]]),
    "",
    "Data",
    ...renderData(report.data),
    "",
    "Limits",
    ...columns(
      limitSettings().map((placed) => [
        `--${placed.setting.name}`,
        `${formatSetting(placed, config)}  ${placed.setting.description}`,
      ]),
    ),
    "",
    "Missing",
    ...(missing.length === 0
      ? ["  nothing"]
      : missing.flatMap(({ missing, command }) => [`  ${missing}`, `    ${command}`])),
  ].join("\n");
}
