import { useState } from "react";
import { Button } from "../../../parts/button.tsx";
import { TextField } from "../../../parts/field.tsx";
import { countOf, shortId } from "../../../parts/format.ts";
import { Keys } from "../../../parts/shortcuts.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { CompareDialog } from "./compare_dialog.tsx";
import { setDraft } from "./draft_store.ts";
import { sizeOf } from "./drafts.ts";
import type { Saving } from "./use_save.ts";
import type { Workspace } from "./workspace.ts";

/** What is unsaved, and what makes a commit of it. */
export function SaveBar({ workspace, saving }: {
  readonly workspace: Workspace;
  readonly saving: Saving;
}) {
  const { functionId, draft, rival, movedTo } = workspace;
  const [isComparing, setComparing] = useState(false);
  // A note above asks for a decision, and compares itself.
  const canSave = draft !== undefined && movedTo === undefined && rival === undefined;
  const discard = () => {
    setDraft(functionId, undefined);
    toast("Draft discarded", { undo: () => setDraft(functionId, draft) });
  };
  return (
    <form
      className="function-save"
      onSubmit={(event) => {
        event.preventDefault();
        void saving.save();
      }}
    >
      <TextField
        label="Commit message"
        placeholder="Optional"
        value={saving.message}
        onChange={saving.setMessage}
      />
      <Button
        type="submit"
        look="primary"
        busy={saving.isSaving}
        disabled={!canSave}
      >
        Save <Keys keys="Mod+S" />
      </Button>
      <Button disabled={draft === undefined || saving.isSaving} onClick={discard}>Discard</Button>
      {canSave ? <Button onClick={() => setComparing(true)}>Compare</Button> : null}
      <CompareDialog
        workspace={workspace}
        open={isComparing}
        onClose={() => setComparing(false)}
      />
      <span className="muted" role="status">{stateOf(workspace, saving)}</span>
    </form>
  );
}

function stateOf(
  { draft, base, commit, isOthers }: Workspace,
  { isSaving, savedId }: Saving,
): string {
  if (isSaving) return "Uploading and building …";
  if (draft !== undefined) {
    const others = isOthers ? ", changed in another tab" : "";
    return `${countOf(sizeOf(draft), "file")} not saved${others}; this browser keeps the draft`;
  }
  if (base === "") return "";
  const types = commit?.types === "PENDING" ? "; checking types …" : "";
  return `${savedId === base ? "Saved as" : "Head:"} commit ${shortId(base)}${types}`;
}
