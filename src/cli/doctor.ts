import type { Command } from "commander";
import project from "../../package.json" with { type: "json" };
import {
  ALL_SETTINGS,
  type Config,
  formatSetting,
  readEnvironment,
  resolveConfig,
  settingToJson,
} from "../config/mod.ts";
import type { Examination } from "../sandbox/mod.ts";
import { join } from "node:path";
import { describeError, Failure, oneLine } from "./terminal/failure.ts";
import { addExamples } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";

/** Settings that bound what functions and builds may use. */
const LIMIT_GROUPS = ["rates", "invocations", "tests", "egress", "commits", "builder"];

/** `invoked doctor`: which walls stand on this machine, and what is missing for stronger ones. */
export function registerDoctor(program: Command): void {
  const command = program.command("doctor")
    .description("Try the walls around functions on this machine; takes the same flags as serve")
    .option("--json", "Print JSON");
  const readFlags = addSettingFlags(command);
  addExamples(command, "invoked doctor");
  command.action(async ({ json }: { readonly json?: true }) => {
    const { config } = resolveConfig(readFlags(), readEnvironment());
    const report = await examineMachine(config);
    console.log(json ? JSON.stringify(report, null, 2) : renderReport(report, config));
    if (report.isolation.stands) return;
    throw new Failure(`Cannot isolate functions as configured: ${report.isolation.configured}`);
  });
}

const CGROUPS_STAND = "stand: memory and pids, in every mode";
const NO_CGROUPS = "do not stand: the server may make none; run it as root or delegate its group";

interface Report {
  readonly versions: Readonly<Record<string, string | null>>;
  readonly isolation: {
    readonly configured: string;
    /** The mode that the server would take. */
    readonly taken: string | null;
    readonly stands: boolean;
    readonly modes: readonly {
      readonly mode: string;
      readonly stands: boolean;
      /** The walls where it stands, otherwise the reason. */
      readonly told: string;
    }[];
    /** Whether functions get memory and pids cgroups as well. */
    readonly cgroups: boolean;
    /** The walls around the compiler, or why those that are configured do not stand. */
    readonly builds: { readonly stands: boolean; readonly told: string };
  };
  /** Durations in milliseconds, sizes in bytes. */
  readonly limits: Readonly<Record<string, unknown>>;
  readonly missing: Examination["remedies"];
}

async function examineMachine(config: Config): Promise<Report> {
  const { sandbox: { isolation, searchPath }, invocations } = config;
  const { diagnose } = await import("../sandbox/mod.ts");
  // Not the data directory: a server may run on it.
  const cacheDir = await Deno.makeTempDir({ prefix: "invoked-doctor-" });
  try {
    const found = await diagnose({
      ...invocations,
      outputBytes: invocations.maxOutputBytes,
      logBytes: invocations.maxLogBytes,
    }, { cacheDir, searchPath });
    const modes = found.verdicts.map((verdict) => ({
      mode: verdict.mode,
      stands: verdict.stands,
      told: verdict.stands ? verdict.isolation.walls : verdict.reason,
    }));
    const builds = await examineBuilds(config, cacheDir);
    const wanted = isolation === "auto" ? found.strongest : isolation;
    const stands = builds.stands &&
      modes.some((mode) => mode.mode === wanted && mode.stands);
    return {
      versions: await findVersions(found.programs),
      isolation: {
        configured: isolation,
        taken: stands ? wanted ?? null : null,
        stands,
        modes,
        cgroups: found.cgroups,
        builds,
      },
      limits: Object.fromEntries(
        limitSettings().map((placed) => [placed.path, settingToJson(placed, config)]),
      ),
      missing: found.remedies,
    };
  } catch (error) {
    throw new Failure(`Cannot try the walls: ${describeError(error)}`);
  } finally {
    await Deno.remove(cacheDir, { recursive: true });
  }
}

async function examineBuilds(
  { sandbox, builder }: Config,
  directory: string,
): Promise<Report["isolation"]["builds"]> {
  const { createBuilder, registryOf } = await import("../builder/mod.ts");
  await using tried = createBuilder({ ...builder, artifactBytes: builder.maxArtifactBytes }, {
    ...sandbox,
    workDir: join(directory, "work"),
    cacheDir: join(directory, "downloads"),
    registry: registryOf(builder.registryEnv),
  });
  try {
    await tried.start();
    return { stands: true, told: tried.walls };
  } catch (error) {
    return { stands: false, told: describeError(error) };
  }
}

function limitSettings() {
  return ALL_SETTINGS.filter(({ group }) => LIMIT_GROUPS.includes(group));
}

async function findVersions(programs: Examination["programs"]): Promise<Report["versions"]> {
  return {
    invoked: project.version,
    deno: Deno.version.deno,
    kernel: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    bubblewrap: await versionOf(programs.bwrap),
    setpriv: await versionOf(programs.setpriv),
  };
}

/** The last word of what a program says of its version; null where it is not installed. */
async function versionOf(program: string | undefined): Promise<string | null> {
  if (program === undefined) return null;
  const { stdout } = await new Deno.Command(program, { args: ["--version"], stderr: "null" })
    .output();
  return oneLine(new TextDecoder().decode(stdout)).split(" ").at(-1) ?? null;
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
    `Walls (configured: ${isolation.configured}; the server takes: ${isolation.taken ?? "none"})`,
    ...columns([
      ...isolation.modes.map(({ mode, stands, told }) =>
        [mode, `${stands ? "stands" : "does not stand"}: ${oneLine(told)}`] as const
      ),
      ["cgroups", isolation.cgroups ? CGROUPS_STAND : NO_CGROUPS],
    ]),
    "",
    "Walls around builds",
    ...columns([[
      isolation.builds.stands ? "stand" : "do not stand",
      oneLine(isolation.builds.told),
    ]]),
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
