/** Chooses the isolation by trying: a real process has to work behind the walls, and show them. */
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

const logger = getLogger(["invoked", "isolation"]);

/** The isolation that was asked for cannot stand; the message says why, for the operator. */
export class IsolationError extends Error {
  override name = "IsolationError";
}

/** Whether a mode stands here: with which walls, or why not. */
export type Verdict =
  | { readonly stands: true; readonly mode: Mode; readonly isolation: Isolation }
  | { readonly stands: false; readonly mode: Mode; readonly reason: string };

/** One kind of process on this machine, and how to try an isolation with it. */
export interface Subject {
  readonly machine: Machine;
  readonly profile: Profile;
  /** Runs a real process behind the walls; what is wrong with them, or undefined where they stand. */
  probe(isolation: Isolation): Promise<string | undefined>;
}

const CANDIDATES: Readonly<
  Record<Mode, (machine: Machine, profile: Profile) => readonly Candidate[]>
> = {
  bubblewrap: bubblewrapCandidates,
  landlock: landlockCandidates,
  process: processCandidates,
};

/** Tries the variants of one mode, the strongest first; the reason of the strongest is told where none stands. */
export async function tryMode(
  mode: Mode,
  { machine, profile, probe }: Subject,
): Promise<Verdict> {
  const reasons: string[] = [];
  for (const candidate of CANDIDATES[mode](machine, profile)) {
    if (candidate.kind === "impossible") {
      reasons.push(candidate.reason);
      continue;
    }
    const { isolation } = candidate;
    const fault = await probe(isolation);
    if (fault === undefined) return { stands: true, mode, isolation };
    logger.debug("{walls} do not stand: {fault}", { walls: isolation.walls, fault });
    reasons.push(fault);
  }
  return { stands: false, mode, reason: [...new Set(reasons)].join("; ") };
}

/** The isolation to use. Throws {@link IsolationError} where what was asked for cannot stand. */
export async function choose(
  choice: IsolationChoice,
  subject: Subject,
): Promise<Isolation> {
  const { name } = subject.profile;
  const modes = choice === "auto" ? MODES : [choice];
  const reasons: string[] = [];
  for (const mode of modes) {
    const verdict = await tryMode(mode, subject);
    if (verdict.stands) {
      if (reasons.length > 0) {
        logger.warn("{name} run behind weaker walls than the strongest: {reasons}", {
          name,
          reasons: reasons.join("; "),
        });
      }
      return verdict.isolation;
    }
    reasons.push(`${mode}: ${verdict.reason}`);
  }
  throw new IsolationError(`Cannot isolate ${name} with ${reasons.join("; ")}`);
}
