import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { shortId } from "../../../parts/format.ts";
import { FileDiff } from "../../../parts/monaco/file_diff.tsx";
import { Loaded, Note } from "../../../parts/states.tsx";
import { Tabs } from "../../../parts/tabs.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { commitQuery } from "../queries.ts";
import { type Files, setDraft } from "./drafts.ts";
import { split, type Workspace } from "./workspace.ts";

/** Says that somebody made a commit meanwhile, and lets the author decide. */
export function HeadMovedNote({ workspace }: { readonly workspace: Workspace }) {
  const [isOpen, setOpen] = useState(false);
  const { functionId, draft, base, movedTo } = workspace;
  if (draft === undefined || movedTo === undefined) return null;
  const takeTheirs = () => {
    setOpen(false);
    setDraft(functionId, undefined);
    toast("Your draft is discarded", { undo: () => setDraft(functionId, draft) });
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
          <Comparison workspace={workspace} head={movedTo} />
          <p className="muted">
            Keep mine on top: your files replace theirs; files that you did not change are theirs.
          </p>
          {choices}
        </div>
      </Dialog>
    </Note>
  );
}

type View = "apart" | "theirs" | "mine";

function Comparison(
  { workspace, head }: { readonly workspace: Workspace; readonly head: string },
) {
  const [view, setView] = useState<View>("apart");
  const query = useQuery(commitQuery(workspace.functionId, head));
  const { saved, files } = workspace;
  const sides = (theirs: Files): Readonly<Record<View, readonly [Files, Files]>> => ({
    apart: [theirs, files],
    theirs: [saved, theirs],
    mine: [saved, files],
  });
  return (
    <Tabs<View>
      value={view}
      onChange={setView}
      tabs={[
        { value: "apart", label: "Theirs and mine" },
        { value: "theirs", label: "What they changed" },
        { value: "mine", label: "What I changed" },
      ]}
    >
      <Loaded query={query}>
        {(content) => {
          const [original, modified] = sides(split(content.files).saved)[view];
          return <FileDiff label="Difference" original={original} modified={modified} />;
        }}
      </Loaded>
    </Tabs>
  );
}
