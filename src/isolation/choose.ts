/** Chooses the isolation by a test: a real process must run in it, and its isolation must be verified. */
import { getLogger } from "@logtape/logtape";
import { bubblewrapCandidates } from "./bubblewrap.ts";
import {
  type Candidate,
  type Isolation,
  type IsolationChoice,
  type Mode,
  MODES,
  type Profile,
} from "./isolation.ts";
import { landlockCandidates } from "./landlock.ts";
import { processCandidates } from "./process_mode.ts";
import type { Machine } from "./machine.ts";
import { recommend } from "./recommendations.ts";

const logger = getLogger(["invoked", "isolation"]);

/** The requested isolation is not available. The message gives the reason to the operator. */
export class IsolationError extends Error {
  override name = "IsolationError";
}

/** Whether a mode is available: its isolation, or the reason. */
export type Verdict =
  | { readonly available: true; readonly mode: Mode; readonly isolation: Isolation }
  | { readonly available: false; readonly mode: Mode; readonly reason: string };

/** A kind of process, and how to test an isolation with it. */
export interface ProbeTarget {
  readonly machine: Machine;
  readonly profile: Profile;
  /** Runs a real process in the isolation. Resolves with what is wrong; undefined if it works. */
  probe(isolation: Isolation): Promise<string | undefined>;
}

const CANDIDATES: Readonly<
  Record<Mode, (machine: Machine, profile: Profile) => readonly Candidate[]>
> = {
  bubblewrap: bubblewrapCandidates,
  landlock: landlockCandidates,
  process: processCandidates,
};

/** Tests the variants of one mode, the strongest first. Reports the reasons of all variants if none works. */
export async function tryMode(
  mode: Mode,
  { machine, profile, probe }: ProbeTarget,
): Promise<Verdict> {
  const reasons: string[] = [];
  for (const candidate of CANDIDATES[mode](machine, profile)) {
    if (candidate.kind === "impossible") {
      reasons.push(candidate.reason);
      continue;
    }
    const { isolation } = candidate;
    const error = await probe(isolation);
    if (error === undefined) return { available: true, mode, isolation };
    logger.debug("{isolation} is not available: {error}", {
      isolation: isolation.description,
      error,
    });
    reasons.push(error);
  }
  return { available: false, mode, reason: [...new Set(reasons)].join("; ") };
}

/** The isolation to use. Throws {@link IsolationError} if the requested one is not available. */
export async function chooseIsolation(
  choice: IsolationChoice,
  subject: ProbeTarget,
): Promise<Isolation> {
  const { name } = subject.profile;
  const modes = choice === "auto" ? MODES : [choice];
  const failed = new Map<Mode, string>();
  for (const mode of modes) {
    const verdict = await tryMode(mode, subject);
    if (verdict.available) {
      await reportLost(failed, subject);
      return verdict.isolation;
    }
    failed.set(mode, verdict.reason);
  }
  const reasons = [...failed].map(([mode, reason]) => `${mode}: ${reason}`).join("; ");
  throw new IsolationError(`no isolation for ${name} is available: ${reasons}`);
}

/** A line for each right or program that a stronger mode needs. */
async function reportLost(
  failed: ReadonlyMap<Mode, string>,
  { machine, profile }: ProbeTarget,
): Promise<void> {
  if (failed.size === 0) return;
  for (const { missing, command } of await recommend(failed, machine, profile)) {
    logger.warn("for lack of {missing}; this brings it back: {command}", { missing, command });
  }
}
