import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { CommitField } from "../../../parts/commit_field.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { shortId } from "../../../parts/format.ts";
import { FileDiff } from "../../../parts/monaco/file_diff.tsx";
import { Loaded } from "../../../parts/states.tsx";
import { useTyped } from "../../../parts/typed_field.tsx";
import { useCommitOptions } from "../commit_options.ts";
import { contentsOf } from "../content.ts";
import { commitQuery } from "../queries.ts";
import { useFunction } from "../use_function.ts";
import type { Workspace } from "./workspace.ts";

const NO_FILES = {};

/** What the draft changes since the head, or since any other commit. */
export function CompareDialog({ workspace, open, onClose }: {
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
  const compared = (original: typeof files) => (
    <FileDiff label="Difference" original={original} modified={files} />
  );
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
