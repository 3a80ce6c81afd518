/** What `invoked doctor` reports of this machine. */
import type { Mode } from "../../src/isolation/isolation.ts";
import { runInvoked } from "./invoked.ts";

/** Set by `scripts/test`, so that not every file diagnoses the machine. The server rejects unknown INVOKED_ variables. */
export const DIAGNOSIS_VARIABLE = "TEST_DIAGNOSIS";

/** Why each of these is not available; no entry for what is. */
export type Missing = Readonly<Partial<Record<Mode | "cgroups", string>>>;

/** Reads what `invoked doctor` reports of this machine. */
export async function diagnoseMachine(): Promise<Missing> {
  const { stdout, stderr } = await runInvoked(["doctor", "--json"]);
  if (stdout === "") throw new Error(`Cannot diagnose the machine: ${stderr}`);
  const { isolation } = JSON.parse(stdout);
  const missing: Partial<Record<Mode | "cgroups", string>> = {};
  for (const { mode, available, detail } of isolation.modes) {
    if (!available) missing[mode as Mode] = detail;
  }
  if (!isolation.cgroups) missing.cgroups = "the server cannot create memory and pids cgroups";
  return missing;
}
