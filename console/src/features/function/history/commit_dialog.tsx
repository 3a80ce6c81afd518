import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Fn } from "../../../api/client.ts";
import { Dialog } from "../../../parts/dialog.tsx";
import { shortId, visibleText } from "../../../parts/format.ts";
import { Properties } from "../../../parts/page.tsx";
import { Loaded } from "../../../parts/states.tsx";
import { CommitField, useTyped } from "../../../parts/typed_field.tsx";
import { Name, Time } from "../../../parts/values.tsx";
import { Difference } from "../difference.tsx";
import { LoadDetails } from "../load_report.tsx";
import { type CommitContent, commitQuery, useCommitOptions } from "../queries.ts";

/** What a commit changed since its parent, or since another commit. */
export function CommitDialog({ fn, commitId, onClose }: {
  readonly fn: Fn;
  readonly commitId: string;
  readonly onClose: () => void;
}) {
  const query = useQuery(commitQuery(fn.id, commitId));
  return (
    <Dialog open onClose={onClose} title={`Commit ${shortId(commitId)}`} size="large">
      <Loaded query={query}>{(content) => <Content fn={fn} content={content} />}</Loaded>
    </Dialog>
  );
}

function Content({ fn, content: { commit, parentId, loadReport } }: {
  readonly fn: Fn;
  readonly content: CommitContent;
}) {
  const [other, setOther] = useState(parentId);
  const [typed, type] = useTyped(other, setOther);
  const commits = useCommitOptions(fn);
  const options = [
    ...parentId === "" ? [] : [{ value: parentId, label: `Parent ${shortId(parentId)}` }],
    { value: "", label: "No commit: every file is added" },
    ...commits.filter(({ value }) => value !== commit.id && value !== parentId),
  ];
  return (
    <div className="stack">
      <Properties
        items={[
          ["Message", visibleText(commit.message ?? "")],
          ["By", <Name key="by" value={commit.author ?? ""} />],
          ["Created", <Time key="made" value={commit.createdAt} />],
          ["Id", <code key="id">{commit.id}</code>],
        ]}
      />
      <LoadDetails fn={fn} report={loadReport} />
      <p>
        <Link
          to="/functions/$functionId"
          params={{ functionId: fn.id }}
          search={{ commit: commit.id }}
        >
          Open in the editor
        </Link>
      </p>
      <CommitField label="Compare with" value={typed} onChange={type} options={options} />
      <Difference functionId={fn.id} from={other} to={commit.id} />
    </div>
  );
}
