import type { Command } from "commander";
import { type Config, loadConfig, readEnvironment } from "../config/mod.ts";
import { renderReport } from "./diagnosis/render.ts";
import { diagnoseConfig, diagnoseMachine, findingsOf, verdictOf } from "./diagnosis/report.ts";
import { Failure, UsageFailure } from "./terminal/failure.ts";
import { addExamples } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";

const VERDICTS_HELP = `
Exit codes:
  0  fine: all parts work in their strongest form
  1  degraded: functions run, but slower or in a weaker isolation, or the disk is almost full
  2  invalid arguments
  3  broken: a server would not start, not isolate functions as configured, or not build; or data is damaged`;

interface Options {
  readonly json?: true;
  readonly cluster?: true;
}

async function diagnoseCluster(config: Config) {
  const { checkCluster } = await import("../compose/cluster_check.ts");
  return await checkCluster(config);
}

/**
 * `invoked doctor`: what this machine lacks for a server with these settings, and what is damaged in the data directory.
 * The exit code is the verdict.
 */
export function register(command: Command): void {
  command
    .option("--json", "Print JSON")
    .option(
      "--cluster",
      "Test NATS, PostgreSQL, their certificates, and the versions of API nodes",
    );
  const readFlags = addSettingFlags(command);
  addExamples(
    command,
    "invoked doctor",
    "invoked doctor --data /var/lib/invoked --json",
    "invoked doctor --cluster --nats tls://nats.example:4222 --nats-credentials api.creds",
  );
  command.addHelpText("after", VERDICTS_HELP);
  command.action(async ({ json, cluster }: Options) => {
    const resolved = loadConfig(readFlags(), readEnvironment());
    const { config } = resolved;
    if (cluster && config.nats.urls === undefined) {
      throw new UsageFailure("--cluster without a cluster: --nats is not set", {
        next: "give the settings of an API node or worker, such as --nats tls://HOST:4222",
      });
    }
    const report = {
      configuration: await diagnoseConfig(resolved),
      ...await diagnoseMachine(config),
      ...cluster ? { cluster: await diagnoseCluster(config) } : {},
    };
    const findings = findingsOf(report);
    const verdict = verdictOf(findings);
    console.log(
      json
        ? JSON.stringify({ verdict, findings, ...report }, null, 2)
        : renderReport(report, findings, config),
    );
    if (verdict === "fine") return;
    const messages = findings.filter((finding) => finding.verdict === verdict)
      .map(({ message }) => message);
    throw new Failure(`The verdict is ${verdict}: ${messages.join("; ")}`, {
      exit: verdict === "broken" ? "code" : "failure",
    });
  });
}
