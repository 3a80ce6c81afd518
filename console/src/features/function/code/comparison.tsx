import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { FileDiff } from "../../../parts/monaco/file_diff.tsx";
import { Loaded } from "../../../parts/states.tsx";
import { Tabs } from "../../../parts/tabs.tsx";
import { contentsOf } from "../content.ts";
import { commitQuery } from "../queries.ts";
import { type Draft, type Files, withDraft } from "./drafts.ts";
import type { Workspace } from "./workspace.ts";

type View = "apart" | "theirs" | "mine";

const NO_FILES = {};

/** The author's files beside those of a commit with somebody else's draft. `base` may be empty. */
export function Comparison({ workspace, base, draft }: {
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
    return <FileDiff label="Difference" original={original} modified={modified} />;
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
