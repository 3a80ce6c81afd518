/** Notes about two versions of the code, of which the author takes one, and their difference. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { shortId } from "../../../parts/format.ts";
import { FileDiff } from "../../../parts/monaco/file_diff.tsx";
import { Loaded, Note } from "../../../parts/states.tsx";
import { Tabs } from "../../../parts/tabs.tsx";
import { toast } from "../../../parts/toasts.tsx";
import { commitQuery, contentsOf } from "../queries.ts";
import { decide, type Draft, type Files, setDraft, withDraft } from "./drafts.ts";
import type { Workspace } from "./workspace.ts";

/** Says that another tab has another draft, and lets the author decide. */
export function DraftsDifferNote({ workspace }: { readonly workspace: Workspace }) {
  const { functionId, draft, rival, base } = workspace;
  if (rival === undefined) return null;
  const takeOther = () => {
    decide(functionId, rival.draft);
    toast("This tab's draft is replaced", { undo: () => setDraft(functionId, draft) });
  };
  const keepThis = () => {
    decide(functionId, draft);
    toast("The other tab's draft is replaced", {
      undo: () => setDraft(functionId, rival.draft),
    });
  };
  return (
    <Decision
      message={
        <>
          Another tab {rival.draft === undefined ? "ended the draft" : "changed the draft"}{" "}
          at the same time. Both are kept; decide before you save.
        </>
      }
      title="Two drafts"
      choices={{ "Take the other tab's": takeOther, "Keep this tab's": keepThis }}
    >
      <Comparison
        workspace={workspace}
        base={rival.draft?.base ?? base}
        draft={rival.draft}
      />
    </Decision>
  );
}

/** Says that somebody made a commit meanwhile, and lets the author decide. */
export function HeadMovedNote({ workspace }: { readonly workspace: Workspace }) {
  const { functionId, draft, base, movedTo } = workspace;
  if (draft === undefined || movedTo === undefined) return null;
  const takeTheirs = () => {
    setDraft(functionId, undefined);
    toast("Draft discarded", { undo: () => setDraft(functionId, draft) });
  };
  const keepMine = () => setDraft(functionId, { ...draft, base: movedTo });
  return (
    <Decision
      message={
        <>
          The head moved to {shortId(movedTo)}; your draft began at{" "}
          {shortId(base) || "no commit"}. Decide before you save.
        </>
      }
      title="The head moved"
      choices={{ "Take theirs": takeTheirs, "Keep mine on top": keepMine }}
    >
      <Comparison workspace={workspace} base={movedTo} />
      <p className="muted">
        Keep mine on top: the files that you changed replace theirs; all other files stay theirs.
      </p>
    </Decision>
  );
}

interface DecisionProps {
  readonly message: ReactNode;
  /** Of the dialog with the comparison. */
  readonly title: string;
  /** By the labels of their buttons. */
  readonly choices: Readonly<Record<string, () => void>>;
  /** The comparison. */
  readonly children: ReactNode;
}

/** The choices are in the note, and below the comparison, too. */
function Decision({ message, title, choices, children }: DecisionProps) {
  const [isOpen, setOpen] = useState(false);
  const buttons = (
    <div className="actions">
      {isOpen ? null : <Button onClick={() => setOpen(true)}>Compare</Button>}
      {Object.entries(choices).map(([label, choose]) => (
        <Button
          key={label}
          onClick={() => {
            setOpen(false);
            choose();
          }}
        >
          {label}
        </Button>
      ))}
    </div>
  );
  return (
    <Note tone="warn">
      <span role="alert">{message}</span>
      {buttons}
      <Dialog open={isOpen} onClose={() => setOpen(false)} title={title} size="full">
        <div className="stack">
          {children}
          {buttons}
        </div>
      </Dialog>
    </Note>
  );
}

type View = "apart" | "theirs" | "mine";

const NO_FILES = {};

/** Compares the author's files with a commit and somebody else's draft on it. `base` may be empty. */
function Comparison({ workspace, base, draft }: {
  readonly workspace: Workspace;
  readonly base: string;
  readonly draft?: Draft | undefined;
}) {
  const [view, setView] = useState<View>("apart");
  const query = useQuery({
    ...commitQuery(workspace.functionId, base),
    enabled: base !== "",
  });
  const { saved, files } = workspace;
  const sides = (theirs: Files): Readonly<Record<View, readonly [Files, Files]>> => ({
    apart: [theirs, files],
    theirs: [saved, theirs],
    mine: [saved, files],
  });
  const difference = (committed: Files) => {
    const [original, modified] = sides(withDraft(committed, draft))[view];
    return <FileDiff original={original} modified={modified} />;
  };
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
      {base === ""
        ? difference(NO_FILES)
        : <Loaded query={query}>{(content) => difference(contentsOf(content.files))}</Loaded>}
    </Tabs>
  );
}
