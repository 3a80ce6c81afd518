import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { CodeBlock } from "../../../parts/code.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { shortId } from "../../../parts/format.ts";
import { Properties } from "../../../parts/page.tsx";
import { Empty, Loaded } from "../../../parts/states.tsx";
import { SelectField } from "../../../parts/field.tsx";
import { Name, Time, visibleText } from "../../../parts/values.tsx";
import { textOf } from "../content.ts";
import { type CommitContent, commitQuery } from "../queries.ts";

/** The files of one commit, to read. */
export function CommitDialog(
  { functionId, commitId, onClose }: {
    readonly functionId: string;
    readonly commitId: string;
    readonly onClose: () => void;
  },
) {
  const query = useQuery(commitQuery(functionId, commitId));
  return (
    <Dialog open onClose={onClose} title={`Commit ${shortId(commitId)}`} size="large">
      <Loaded query={query}>{(content) => <Content content={content} />}</Loaded>
    </Dialog>
  );
}

function Content({ content: { commit, files } }: { readonly content: CommitContent }) {
  const paths = Object.keys(files);
  const [chosen, setChosen] = useState("main.ts");
  const path = files[chosen] === undefined ? paths[0] : chosen;
  const text = path === undefined ? undefined : textOf(files[path] ?? "");
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
      {path === undefined ? <Empty title="No files" /> : (
        <>
          <SelectField
            label="File"
            value={path}
            onChange={setChosen}
            options={paths.map((each) => ({ value: each, label: visibleText(each) }))}
          />
          <CodeBlock label={path} text={text ?? "This file is not text"} />
        </>
      )}
    </div>
  );
}
