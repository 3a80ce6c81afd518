import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Fn } from "../../../api/types.ts";
import { BinaryFile } from "../../../parts/binary_file.tsx";
import { CodeBlock } from "../../../parts/code.tsx";
import { CommitField } from "../../../parts/commit_field.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { isText } from "../../../parts/file_content.ts";
import { shortId } from "../../../parts/format.ts";
import { Properties } from "../../../parts/page.tsx";
import { Empty, Loaded } from "../../../parts/states.tsx";
import { SelectField } from "../../../parts/field.tsx";
import { useTyped } from "../../../parts/typed_field.tsx";
import { Name, Time, visibleText } from "../../../parts/values.tsx";
import { useCommitOptions } from "../commit_options.ts";
import { contentsOf } from "../content.ts";
import { Difference } from "../difference.tsx";
import { type CommitContent, commitQuery } from "../queries.ts";

/** The files of one commit, to read, or how they differ from another one. */
export function CommitDialog(
  { fn, commitId, onClose }: {
    readonly fn: Fn;
    readonly commitId: string;
    readonly onClose: () => void;
  },
) {
  const query = useQuery(commitQuery(fn.id, commitId));
  return (
    <Dialog open onClose={onClose} title={`Commit ${shortId(commitId)}`} size="large">
      <Loaded query={query}>{(content) => <Content fn={fn} content={content} />}</Loaded>
    </Dialog>
  );
}

function Content(
  { fn, content: { commit, files } }: { readonly fn: Fn; readonly content: CommitContent },
) {
  const [other, setOther] = useState("");
  const [typed, type] = useTyped(other, setOther);
  const options = [
    { value: "", label: "No commit" },
    ...useCommitOptions(fn).filter(({ value }) => value !== commit.id),
  ];
  const paths = Object.keys(files);
  const [chosen, setChosen] = useState("main.ts");
  const path = files[chosen] === undefined ? paths[0] : chosen;
  const shown = contentsOf(files)[path ?? ""];
  return (
    <div className="stack">
      <Properties
        items={[
          ["Message", visibleText(commit.message ?? "")],
          ["By", <Name key="by" value={commit.author ?? ""} />],
          ["Made", <Time key="made" value={commit.createdAt} />],
          ["Id", <code key="id">{commit.id}</code>],
        ]}
      />
      <p>
        <Link
          to="/functions/$functionId"
          params={{ functionId: fn.id }}
          search={{ commit: commit.id }}
        >
          Read it in the editor
        </Link>
      </p>
      <CommitField label="Compare with" value={typed} onChange={type} options={options} />
      {other !== "" ? <Difference functionId={fn.id} from={other} to={commit.id} /> : null}
      {other !== "" ? null : path === undefined ? <Empty title="No files" /> : (
        <>
          <SelectField
            label="File"
            value={path}
            onChange={setChosen}
            options={paths.map((each) => ({ value: each, label: visibleText(each) }))}
          />
          {isText(shown)
            ? <CodeBlock label={path} text={shown} />
            : shown === undefined
            ? null
            : <BinaryFile bytes={shown} />}
        </>
      )}
    </div>
  );
}
