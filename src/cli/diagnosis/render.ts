/** The report of `invoked doctor` as text. */
import { type Config, countOf, formatSetting } from "../../config/mod.ts";
import { oneLine } from "../terminal/failure.ts";
import { type Finding, limitSettings, type Report, verdictOf } from "./report.ts";

const CGROUPS_AVAILABLE = "available: memory and pids, in every mode";
const CGROUPS_UNAVAILABLE =
  "not available: the server cannot create any; run it as root or delegate its group";

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

function renderBuilds({ available, detail, isTried }: Report["isolation"]["builds"]): string {
  if (!available || isTried) return oneLine(detail);
  return `${oneLine(detail)}; no function was built, because the first build downloads the bundler`;
}

function renderData({ path, exists, blobs, damaged, obstacles }: Report["data"]): string[] {
  if (obstacles.length > 0) return obstacles.map((obstacle) => `  ${oneLine(obstacle)}`);
  if (!exists) return [`  no server has used ${path}`];
  if (damaged.length > 0) return damaged.map((error) => `  ${oneLine(error)}`);
  return [`  ${path}: the database and ${countOf(blobs, "blob")} are whole`];
}

function renderConfigFile({ file, settings }: Report["configuration"]): string {
  return file === null ? "none" : `${file}: ${countOf(settings, "setting")} in force`;
}

/** Renders a report. */
export function renderReport(
  report: Report,
  findings: readonly Finding[],
  config: Config,
): string {
  const { versions, isolation, missing, configuration: { unusableFiles } } = report;
  const columns = (rows: readonly (readonly [string, string])[]) => {
    const width = Math.max(...rows.map(([name]) => name.length));
    return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`);
  };
  return [
    `Verdict: ${verdictOf(findings)}`,
    ...findings.map(({ verdict, message }) => `  ${verdict}: ${message}`),
    "",
    "Configuration",
    ...columns([
      ["file", renderConfigFile(report.configuration)],
      [
        "files of settings",
        unusableFiles.length === 0 ? "usable" : oneLine(unusableFiles.join("; ")),
      ],
    ]),
    "",
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
      renderBuilds(isolation.builds),
    ]]),
    "",
    "Data",
    ...renderData(report.data),
    ...report.cluster === undefined ? [] : [
      "",
      "Cluster",
      ...report.cluster.map(({ name, detail }) => `  ${name}: ${oneLine(detail)}`),
    ],
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
