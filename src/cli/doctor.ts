import type { Command } from "commander";
import { loadConfig, readEnvironment } from "../config/mod.ts";
import { diagnoseConfig } from "./diagnosis/configuration.ts";
import { renderReport } from "./diagnosis/render.ts";
import { diagnoseMachine, findingsOf, verdictOf } from "./diagnosis/report.ts";
import { Failure } from "./terminal/failure.ts";
import { addExamples } from "./options/common_options.ts";
import { addSettingFlags } from "./options/setting_flags.ts";

const VERDICTS_HELP = `
Exit codes:
  0  fine: all parts work in their strongest form
  1  degraded: functions run, but slower or in a weaker isolation, or the disk is almost full
  2  invalid arguments
  3  broken: a server would not start, not isolate functions as configured, or not build; or data is damaged`;

/**
 * `invoked doctor`: what this machine lacks for a server with these settings, and what is damaged in the data directory.
 * The exit code is the verdict.
 */
export function register(command: Command): void {
  command
    .option("--json", "Print JSON");
  const readFlags = addSettingFlags(command);
  addExamples(command, "invoked doctor", "invoked doctor --data /var/lib/invoked --json");
  command.addHelpText("after", VERDICTS_HELP);
  command.action(async ({ json }: { readonly json?: true }) => {
    const resolved = loadConfig(readFlags(), readEnvironment());
    const { config } = resolved;
    const report = {
      configuration: await diagnoseConfig(resolved),
      ...await diagnoseMachine(config),
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
