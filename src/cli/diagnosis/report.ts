/** Diagnoses a machine, its data directory and its settings for `invoked doctor`. */
import { join } from "node:path";
import {
  ALL_SETTINGS,
  type Config,
  countOf,
  formatBytes,
  type Resolved,
  settingToJson,
} from "../../config/mod.ts";
import { IS_RELEASE } from "../../shared/installation.ts";
import type { CheckedPart } from "../../compose/cluster_check.ts";
import type { Diagnosis } from "../../sandbox/mod.ts";
import type { DataReport } from "../../store/data_check.ts";
import type { DataProbe } from "../../store/data_probe.ts";
import { describeError, Failure, oneLine } from "../terminal/failure.ts";

/** Groups of the settings that limit functions and builds. */
const LIMIT_GROUPS = ["rates", "invocations", "tests", "egress", "commits", "builder"];

/** What the settings come from, and why a server could not start with them. */
interface ConfigReport {
  /** Absolute path of the configuration file; null without one. */
  readonly file: string | null;
  /** Settings whose value in force comes from the file. */
  readonly settings: number;
  /** Why files that settings name cannot be used, such as the certificate. */
  readonly unusableFiles: readonly string[];
}

/** Reports on settings that are valid: `loadConfig` has reported everything else. */
export async function diagnoseConfig(
  { config, file, sources }: Resolved,
): Promise<ConfigReport> {
  const fromFile = Object.values(sources).filter((source) => source === "file");
  const { unusableFiles } = await import("../../compose/start_check.ts");
  return {
    file: file?.path ?? null,
    settings: fromFile.length,
    unusableFiles: await unusableFiles(config),
  };
}

/** What `invoked doctor` found. */
export interface Report {
  readonly configuration: ConfigReport;
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
    /** The isolation of the compiler, or why builds fail. */
    readonly builds: {
      readonly available: boolean;
      readonly detail: string;
      /** Whether a function was built; false as long as the bundler must be downloaded first. */
      readonly isTried: boolean;
    };
  };
  /** What is damaged in the data directory, and why a server could not start on it or its database. */
  readonly data: DataReport & DataProbe;
  /** The parts of the cluster; absent without `--cluster`. */
  readonly cluster?: readonly CheckedPart[];
  /** Durations in milliseconds, sizes in bytes. */
  readonly limits: Readonly<Record<string, unknown>>;
  readonly missing: Diagnosis["recommendations"];
}

/** How well functions run. */
export type Verdict = "fine" | "degraded" | "broken";

/** What a server lacks. */
export interface Finding {
  readonly verdict: Exclude<Verdict, "fine">;
  /** One line. */
  readonly message: string;
}

/** Free space below which a directory is degraded: builds, volumes and the copy of the runtime need more. */
const LOW_DISK_BYTES = 512 * 1024 * 1024;

/** Everything in a report that keeps it from being fine, the broken parts first. docs/server.md lists the rules. */
export function findingsOf(
  { configuration, isolation, data, cluster = [] }: Report,
): readonly Finding[] {
  const partsThatAre = (verdict: Finding["verdict"]) =>
    cluster.filter((part) => part.verdict === verdict)
      .map(({ name, detail }) => [verdict, true, `${name}: ${detail}`] as const);
  const { configured, selected, modes, forks, builds } = isolation;
  const isChosen = configured !== "auto";
  const strongest = modes[0];
  const weaker = `${strongest?.mode} is not available: ${strongest?.detail}`;
  const hasMode = modes.some(({ mode, available }) =>
    available && (!isChosen || mode === configured)
  );
  const rules: readonly (readonly [Finding["verdict"], boolean, string])[] = [
    ["broken", !hasMode, `Functions cannot be isolated as configured: ${configured}`],
    ["broken", !builds.available, `Builds fail: ${builds.detail}`],
    ...configuration.unusableFiles.map((reason) =>
      ["broken", true, `A file that a setting names cannot be used: ${reason}`] as const
    ),
    ...partsThatAre("broken"),
    ...data.obstacles.map((obstacle) => ["broken", true, obstacle] as const),
    [
      "broken",
      data.damaged.length > 0,
      `${
        countOf(data.damaged.length, "damage")
      } in ${data.path}; restore from a backup what the report lists`,
    ],
    [
      "degraded",
      !isChosen && selected !== null && selected !== strongest?.mode,
      `Functions run in ${selected}: ${weaker}`,
    ],
    [
      "degraded",
      !isChosen && builds.available && !builds.detail.startsWith(`${strongest?.mode} `),
      `Builds run in a weaker isolation than ${strongest?.mode}: ${builds.detail}`,
    ],
    ...partsThatAre("degraded"),
    [
      "degraded",
      !forks.available,
      `Each invocation starts a process instead of a fork: ${forks.detail}`,
    ],
    [
      "degraded",
      data.freeBytes < LOW_DISK_BYTES,
      `${formatBytes(data.freeBytes)} are free for ${data.path}; free space up to ${
        formatBytes(LOW_DISK_BYTES)
      } or more`,
    ],
  ];
  return rules.filter(([, applies]) => applies)
    .map(([verdict, , message]) => ({ verdict, message: oneLine(message) }));
}

/** The verdict on a machine with these findings. */
export function verdictOf(findings: readonly Finding[]): Verdict {
  return findings[0]?.verdict ?? "fine";
}

/** Tests what a server with this configuration needs of the machine. @throws {Failure} if the runtime does not start */
export async function diagnoseMachine(config: Config): Promise<Omit<Report, "configuration">> {
  const { sandbox: { isolation, searchPath }, invocations } = config;
  const { diagnose } = await import("../../sandbox/mod.ts");
  // A server may be using the data directory.
  const cacheDir = await Deno.makeTempDir({ prefix: "invoked-doctor-" }).catch((error) => {
    const reason = describeError(error);
    throw new Failure(
      `Nothing was tested without a temporary directory: ${reason}; let this user write temporary files`,
      { exit: "code" },
    );
  });
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
      data: await diagnoseData(config),
      limits: Object.fromEntries(
        limitSettings().map((placed) => [placed.path, settingToJson(placed, config)]),
      ),
      missing: found.recommendations,
    };
  } catch (error) {
    throw new Failure(`The diagnosis failed: ${describeError(error)}`, { exit: "code" });
  } finally {
    await Deno.remove(cacheDir, { recursive: true });
  }
}

async function diagnoseData(config: Config): Promise<Report["data"]> {
  const { server, database } = config;
  const { checkDataDir } = await import("../../store/data_check.ts");
  const { probeDataDir } = await import("../../store/data_probe.ts");
  const { objectStoreObstacle } = await import("../../compose/start_check.ts");
  const probe = await probeDataDir(server.dataDir);
  const obstacle = await diagnoseDatabase(database);
  const report = await checkDataDir(server.dataDir).catch((error) => ({
    ...{ path: server.dataDir, exists: true, blobs: 0 },
    // What cannot be read is an obstacle already.
    damaged: probe.obstacles.length > 0 ? [] : [describeError(error)],
  }));
  const further = [obstacle, await objectStoreObstacle(config)].flatMap((found) => found ?? []);
  const obstacles = [...probe.obstacles, ...further];
  return { ...report, ...probe, obstacles };
}

/** Why a server could not start on PostgreSQL; undefined if it could, and for SQLite. */
async function diagnoseDatabase(database: Config["database"]): Promise<string | undefined> {
  const { url } = database;
  if (url === undefined) return undefined;
  const { databaseObstacle } = await import("../../store/postgres/probe.ts");
  return await databaseObstacle({ database: { ...database, url } });
}

async function diagnoseForks(
  config: Config,
  directory: string,
): Promise<Report["isolation"]["forks"]> {
  const { openSandboxes } = await import("../../compose/sandboxes.ts");
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
  { sandbox, builder, server }: Config,
  directory: string,
): Promise<Report["isolation"]["builds"]> {
  const { buildLimits, copyBundler, createBuilder, ENTRY, registryOf } = await import(
    "../../builder/mod.ts"
  );
  // Not in the data directory, which may belong to another user than the doctor's.
  const cacheDir = join(directory, "downloads");
  const isTried = await runsPrograms(directory) &&
    (IS_RELEASE ||
      await copyBundler(join(server.dataDir, "cache", "builder"), cacheDir).catch(() => false));
  await using tried = createBuilder(buildLimits(builder), {
    ...sandbox,
    workDir: join(directory, "work"),
    cacheDir,
    registry: registryOf(builder.registryEnv),
  });
  try {
    await tried.start();
    if (!isTried) return { available: true, detail: tried.walls, isTried };
    const files = new Map([[ENTRY, new TextEncoder().encode("export default () => ({});\n")]]);
    const result = await tried.build(files, new AbortController().signal);
    if (result.kind === "built") return { available: true, detail: tried.walls, isTried };
    const detail = result.diagnostics.map(({ message }) => message).join("; ");
    return { available: false, detail, isTried };
  } catch (error) {
    return { available: false, detail: describeError(error), isTried };
  }
}

/** Whether the bundler can be tried in a directory. */
async function runsPrograms(directory: string): Promise<boolean> {
  const { assertRunsPrograms } = await import("../../store/data_dir.ts");
  return await assertRunsPrograms(directory, directory).then(() => true, () => false);
}

/** The settings that limit functions and builds. */
export function limitSettings() {
  return ALL_SETTINGS.filter(({ group }) => LIMIT_GROUPS.includes(group));
}

async function findVersions(programs: Diagnosis["programs"]): Promise<Report["versions"]> {
  const { readVersions } = await import("../../compose/versions.ts");
  const { version, commit, deno } = await readVersions();
  return {
    invoked: version,
    commit,
    deno,
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
