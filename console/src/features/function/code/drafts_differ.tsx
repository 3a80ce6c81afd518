import { useState } from "react";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { Note } from "../../../parts/states.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { Comparison } from "./comparison.tsx";
import { decide, setDraft } from "./draft_store.ts";
import type { Workspace } from "./workspace.ts";

/** Says that another tab has another draft, and lets the author decide. */
export function DraftsDifferNote({ workspace }: { readonly workspace: Workspace }) {
  const [isOpen, setOpen] = useState(false);
  const { functionId, draft, rival, base } = workspace;
  if (rival === undefined) return null;
  const takeOther = () => {
    setOpen(false);
    decide(functionId, rival.draft);
    toast("This tab's draft is replaced", { undo: () => setDraft(functionId, draft) });
  };
  const keepThis = () => {
    setOpen(false);
    decide(functionId, draft);
    toast("The other tab's draft is replaced", {
      undo: () => setDraft(functionId, rival.draft),
    });
  };
  const choices = (
    <div className="actions">
      {isOpen ? null : <Button onClick={() => setOpen(true)}>Compare</Button>}
      <Button onClick={takeOther}>Take the other tab's</Button>
      <Button onClick={keepThis}>Keep this tab's</Button>
    </div>
  );
  return (
    <Note tone="warn">
      <span role="alert">
        Another tab {rival.draft === undefined ? "ended the draft" : "changed the draft"}{" "}
        at the same time. Both are kept; decide before you save.
      </span>
      {choices}
      <Dialog open={isOpen} onClose={() => setOpen(false)} title="Two drafts" size="full">
        <div className="stack">
          <Comparison
            workspace={workspace}
            base={rival.draft?.base ?? base}
            draft={rival.draft}
          />
          {choices}
        </div>
      </Dialog>
    </Note>
  );
}
