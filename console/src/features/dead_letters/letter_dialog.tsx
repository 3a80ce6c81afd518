import { Link } from "@tanstack/react-router";
import type { DeadLetter } from "../../api/types.ts";
import { AttemptsTable } from "../../parts/attempts_table.tsx";
import { Button } from "../../parts/button.tsx";
import { CodeBlock } from "../../parts/code.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import type { Asked } from "./act_dialog.tsx";

/** Why a call was parked, attempt by attempt, and what to do with it. */
export function LetterDialog(
  { letter, onClose, onAsk }: {
    readonly letter: DeadLetter | undefined;
    readonly onClose: () => void;
    readonly onAsk: (asked: Asked) => void;
  },
) {
  return (
    <Dialog open={letter !== undefined} onClose={onClose} title="Dead letter" size="large">
      {letter === undefined ? null : (
        <div className="stack">
          <CodeBlock text={letter.error} label="the error" />
          <AttemptsTable attempts={letter.attempts} />
          <div className="actions">
            <Link
              className="button"
              to="/invocations/$invocationId"
              params={{ invocationId: letter.invocationId }}
            >
              Show the invocation
            </Link>
            <Button look="danger" onClick={() => onAsk({ action: "drop", letters: [letter] })}>
              Drop
            </Button>
            <Button look="primary" onClick={() => onAsk({ action: "replay", letters: [letter] })}>
              Replay
            </Button>
          </div>
        </div>
      )}
    </Dialog>
  );
}
