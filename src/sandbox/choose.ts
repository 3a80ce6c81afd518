/** Chooses the isolation by trying: a real sandbox has to start behind the walls, answer a call, and show them. */
import { getLogger } from "@logtape/logtape";
import { bubblewrapCandidates } from "./isolation/bubblewrap.ts";
import {
  type Candidate,
  type Isolation,
  type IsolationChoice,
  type Mode,
  MODES,
} from "./isolation/isolation.ts";
import { landlockCandidates } from "./isolation/landlock.ts";
import { processCandidates } from "./isolation/process.ts";
import type { Surroundings } from "./isolation/surroundings.ts";
import { launcherFor, type Program } from "./launch.ts";
import { probe } from "./probe.ts";

const logger = getLogger(["invoked", "sandbox"]);

/** The isolation that was asked for cannot stand; the message says why, for the operator. */
export class IsolationError extends Error {
  override name = "IsolationError";
}

/** Whether a mode stands here: with which walls, or why not. */
export type Verdict =
  | { readonly stands: true; readonly mode: Mode; readonly isolation: Isolation }
  | { readonly stands: false; readonly mode: Mode; readonly reason: string };

const CANDIDATES: Readonly<Record<Mode, (around: Surroundings) => readonly Candidate[]>> = {
  bubblewrap: bubblewrapCandidates,
  landlock: landlockCandidates,
  process: processCandidates,
};

/** Tries the variants of one mode, the strongest first; the reason of the strongest is told where none stands. */
export async function tryMode(
  mode: Mode,
  around: Surroundings,
  program: Program,
): Promise<Verdict> {
  const reasons: string[] = [];
  for (const candidate of CANDIDATES[mode](around)) {
    if (candidate.kind === "impossible") {
      reasons.push(candidate.reason);
      continue;
    }
    const { isolation } = candidate;
    const fault = await probe(launcherFor(isolation, program));
    if (fault === undefined) return { stands: true, mode, isolation };
    logger.debug("{walls} do not stand: {fault}", { walls: isolation.walls, fault });
    reasons.push(fault);
  }
  return { stands: false, mode, reason: [...new Set(reasons)].join("; ") };
}

/** The isolation to use. Throws {@link IsolationError} where what was asked for cannot stand. */
export async function choose(
  choice: IsolationChoice,
  around: Surroundings,
  program: Program,
): Promise<Isolation> {
  const modes = choice === "auto" ? MODES : [choice];
  const reasons: string[] = [];
  for (const mode of modes) {
    const verdict = await tryMode(mode, around, program);
    if (verdict.stands) {
      if (reasons.length > 0) {
        logger.warn("functions run behind weaker walls than the strongest: {reasons}", {
          reasons: reasons.join("; "),
        });
      }
      return verdict.isolation;
    }
    reasons.push(`${mode}: ${verdict.reason}`);
  }
  throw new IsolationError(`Cannot isolate functions with ${reasons.join("; ")}`);
}
