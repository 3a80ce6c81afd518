import { useQueryClient } from "@tanstack/react-query";
import type { DeadLetter } from "../../api/types.ts";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { countOf } from "../../parts/format.ts";
import { toast } from "../../parts/toasts.tsx";
import { type Action, actOnAll } from "./queries.ts";

/** What the reader wants to do, before it is confirmed. */
export interface Asked {
  readonly action: Action;
  readonly letters: readonly DeadLetter[];
}

/** What each action is called, and what it does to a dead letter. */
export const ACTIONS = {
  replay: {
    verb: "Replay",
    done: "Replayed",
    what: "dead letter",
    effect: "Each function is called again with the same input, and the dead letter is removed.",
  },
  drop: {
    verb: "Drop",
    done: "Dropped",
    what: "dead letter",
    danger: true,
    effect: "The invocation keeps its input, so you can still run it again from its page.",
  },
} as const;

/** Asks before a replay or a drop; those that fail stay in the list, and the first error is shown. */
export function ActDialog(
  { asked, onClose, onDone }: {
    readonly asked: Asked;
    readonly onClose: () => void;
    readonly onDone: () => void;
  },
) {
  const queries = useQueryClient();
  const { action, letters } = asked;
  const { verb, done: doneWord, effect } = ACTIONS[action];
  const run = async () => {
    const { done, error } = await actOnAll(action, letters);
    await queries.invalidateQueries({ queryKey: ["invocation"] });
    if (done > 0) toast(`${doneWord} ${countOf(done, "dead letter")}`);
    if (error !== undefined) throw error;
    onDone();
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={`${verb} ${countOf(letters.length, "dead letter")}?`}
      action={verb}
      danger={action === "drop"}
      onConfirm={run}
    >
      {effect}
    </ConfirmDialog>
  );
}
