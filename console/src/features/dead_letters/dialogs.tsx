/** The dialogs of dead letters: one letter, and the question before a replay or a drop. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { DeadLetter } from "../../api/client.ts";
import { AttemptsTable, type Change, ReplayDialog } from "../../parts/attempts.tsx";
import { Button } from "../../parts/button.tsx";
import { CodeBlock, JsonBlock } from "../../parts/code.tsx";
import { ConfirmDialog, Dialog } from "../../parts/dialog.tsx";
import { countOf } from "../../parts/format.ts";
import { Loaded } from "../../parts/states.tsx";
import { toast } from "../../parts/toasts.tsx";
import { type Action, actOnAll, letterQuery, replayChanged, type WholeLetter } from "./queries.ts";

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

/** Asks before a replay or a drop. Letters that fail stay in the list, and the dialog shows the first error. */
export function ActDialog({ asked, onClose, onDone }: {
  readonly asked: Asked;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
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

interface LetterProps {
  readonly onClose: () => void;
  readonly onAsk: (asked: Asked) => void;
}

/** Why an invocation was parked, attempt by attempt, and its possible replays. */
export function LetterDialog({ id, onClose, onAsk }: LetterProps & { readonly id: string }) {
  const query = useQuery(letterQuery(id));
  const [isEditing, setEditing] = useState(false);
  if (isEditing && query.data !== undefined) {
    return <EditDialog whole={query.data} onClose={() => setEditing(false)} onDone={onClose} />;
  }
  return (
    <Dialog open onClose={onClose} title="Dead letter" size="large">
      <Loaded query={query}>
        {({ letter, invocation }) => (
          <div className="stack">
            <CodeBlock text={letter.error} label="the error" />
            <AttemptsTable attempts={letter.attempts} />
            <div>
              <h3>Input</h3>
              <JsonBlock value={invocation.input ?? {}} label="the input" />
            </div>
            <div className="actions">
              <Link
                className="button"
                to="/invocations/$invocationId"
                params={{ invocationId: letter.invocationId }}
              >
                Open invocation
              </Link>
              <Button look="danger" onClick={() => onAsk({ action: "drop", letters: [letter] })}>
                Drop
              </Button>
              <Button onClick={() => setEditing(true)}>Edit and replay …</Button>
              <Button look="primary" onClick={() => onAsk({ action: "replay", letters: [letter] })}>
                Replay
              </Button>
            </div>
          </div>
        )}
      </Loaded>
    </Dialog>
  );
}

function EditDialog({ whole: { letter, invocation }, onClose, onDone }: {
  readonly whole: WholeLetter;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const queries = useQueryClient();
  const replay = async (change: Change) => {
    await replayChanged(letter, change);
    toast("Replayed 1 dead letter");
    onDone();
    await queries.invalidateQueries({ queryKey: ["invocation"] });
  };
  return (
    <ReplayDialog
      title="Replay the dead letter"
      action="Replay"
      input={invocation.input}
      commitId={invocation.commitId}
      onClose={onClose}
      onReplay={replay}
    />
  );
}
