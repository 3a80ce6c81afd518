import { useState } from "react";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { shortId } from "../../../parts/format.ts";
import { Note } from "../../../parts/states.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { Comparison } from "./comparison.tsx";
import { setDraft } from "./draft_store.ts";
import type { Workspace } from "./workspace.ts";

/** Says that somebody made a commit meanwhile, and lets the author decide. */
export function HeadMovedNote({ workspace }: { readonly workspace: Workspace }) {
  const [isOpen, setOpen] = useState(false);
  const { functionId, draft, base, movedTo } = workspace;
  if (draft === undefined || movedTo === undefined) return null;
  const takeTheirs = () => {
    setOpen(false);
    setDraft(functionId, undefined);
    toast("Draft discarded", { undo: () => setDraft(functionId, draft) });
  };
  const keepMine = () => {
    setOpen(false);
    setDraft(functionId, { ...draft, base: movedTo });
  };
  const choices = (
    <div className="actions">
      {isOpen ? null : <Button onClick={() => setOpen(true)}>Compare</Button>}
      <Button onClick={takeTheirs}>Take theirs</Button>
      <Button onClick={keepMine}>Keep mine on top</Button>
    </div>
  );
  return (
    <Note tone="warn">
      <span role="alert">
        The head moved to {shortId(movedTo)}; your draft began at{" "}
        {shortId(base) || "no commit"}. Decide before you save.
      </span>
      {choices}
      <Dialog open={isOpen} onClose={() => setOpen(false)} title="The head moved" size="full">
        <div className="stack">
          <Comparison workspace={workspace} base={movedTo} />
          <p className="muted">
            Keep mine on top: the files that you changed replace theirs; all other files stay
            theirs.
          </p>
          {choices}
        </div>
      </Dialog>
    </Note>
  );
}
