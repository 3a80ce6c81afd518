import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { TextField } from "../../../parts/field.tsx";
import { countOf, shortId } from "../../../parts/format.ts";
import { FileDiff } from "../../../parts/monaco/file_diff.tsx";
import { Keys } from "../../../parts/shortcuts.tsx";
import { Loaded } from "../../../parts/states.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { CommitField, useTyped } from "../../../parts/typed_field.tsx";
import { commitQuery, contentsOf, useCommitOptions, useFunction } from "../queries.ts";
import { setDraft, sizeOf } from "./drafts.ts";
import type { Saving } from "./save.ts";
import type { Workspace } from "./workspace.ts";

const NO_FILES = {};

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
      {canSave && <Button onClick={() => setComparing(true)}>Compare</Button>}
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

/** What the draft changes since the head, or since any other commit. */
function CompareDialog({ workspace, open, onClose }: {
  readonly workspace: Workspace;
  readonly open: boolean;
  readonly onClose: () => void;
}) {
  return (
    <Dialog open={open} onClose={onClose} title="What the draft changes" size="full">
      <Changes workspace={workspace} />
    </Dialog>
  );
}

function Changes({ workspace: { base, files } }: { readonly workspace: Workspace }) {
  const fn = useFunction();
  const [commitId, choose] = useState(base);
  const [typed, type] = useTyped(commitId, choose);
  const query = useQuery({ ...commitQuery(fn.id, commitId), enabled: commitId !== "" });
  const options = useCommitOptions(fn);
  const compared = (original: typeof files) => <FileDiff original={original} modified={files} />;
  return (
    <div className="stack">
      <CommitField
        label="Compare with"
        value={typed}
        onChange={type}
        options={[
          base === ""
            ? { value: "", label: "No commit" }
            : { value: base, label: `Head ${shortId(base)}` },
          ...options.filter(({ value }) => value !== base),
        ]}
      />
      {commitId === ""
        ? compared(NO_FILES)
        : <Loaded query={query}>{({ files }) => compared(contentsOf(files))}</Loaded>}
    </div>
  );
}
