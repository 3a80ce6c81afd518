import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { AttemptsTable } from "../../parts/attempts_table.tsx";
import { Button } from "../../parts/button.tsx";
import { CodeBlock, JsonBlock } from "../../parts/code.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { type Change, ReplayDialog } from "../../parts/replay_dialog.tsx";
import { Loaded } from "../../parts/states.tsx";
import { toast } from "../../parts/toasts.tsx";
import type { Asked } from "./act_dialog.tsx";
import { letterQuery, replayChanged, type WholeLetter } from "./queries.ts";

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

function EditDialog(
  { whole: { letter, invocation }, onClose, onDone }: {
    readonly whole: WholeLetter;
    readonly onClose: () => void;
    readonly onDone: () => void;
  },
) {
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
