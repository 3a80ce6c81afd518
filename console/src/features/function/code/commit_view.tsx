import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Fn } from "../../../api/types.ts";
import { Badge } from "../../../parts/badge.tsx";
import { BinaryFile } from "../../../parts/binary_file.tsx";
import { isBinary, textsOf } from "../../../parts/file_content.ts";
import { shortId } from "../../../parts/format.ts";
import { CodeEditor } from "../../../parts/monaco/lazy.tsx";
import { own } from "../../../parts/own.ts";
import { Empty, Loaded, Note } from "../../../parts/states.tsx";
import { Name, visibleText } from "../../../parts/values.tsx";
import { contentsOf } from "../content.ts";
import { type CommitContent, commitQuery, typesQuery } from "../queries.ts";
import { draftOf } from "./draft_store.ts";
import { FileButton } from "./file_button.tsx";
import { useOpenFile } from "./open_file.ts";
import { ProblemList } from "./problem_list.tsx";
import { typeProblems, warningProblems } from "./problems.ts";
import { UncheckedNote } from "./unchecked_note.tsx";

const NO_FILES = {};
const ignore = () => {};

/** The files of any commit, to read. */
export function CommitView({ fn, commitId }: { readonly fn: Fn; readonly commitId: string }) {
  const query = useQuery(commitQuery(fn.id, commitId));
  return (
    <div className="function-code">
      <Head fn={fn} commitId={commitId} message={query.data?.commit.message} />
      <Loaded query={query}>{(content) => <Content fn={fn} content={content} />}</Loaded>
    </div>
  );
}

function Head({ fn, commitId, message = "" }: {
  readonly fn: Fn;
  readonly commitId: string;
  readonly message: string | undefined;
}) {
  const { file, line } = useSearch({ from: "/shell/functions/$functionId/" });
  return (
    <Note>
      <span>
        Commit <code title={commitId}>{shortId(commitId)}</code>, read-only.{" "}
        {commitId === fn.head ? <Badge tone="accent">Head</Badge> : null}
        {commitId === fn.publishedCommitId ? <Badge tone="good">Published</Badge> : null}{" "}
        <Name value={message} />
      </span>
      <span className="row">
        <Link
          to="/functions/$functionId/history"
          params={{ functionId: fn.id }}
          search={{ commit: commitId }}
          className="button button-normal"
        >
          Compare
        </Link>
        <Link
          to="/functions/$functionId"
          params={{ functionId: fn.id }}
          search={{
            ...(file === undefined ? {} : { file }),
            ...(line === undefined ? {} : { line }),
          }}
          className="button button-normal"
        >
          {draftOf(fn.id) === undefined ? "Edit the head" : "Back to the draft"}
        </Link>
      </span>
    </Note>
  );
}

function Content({ fn, content }: { readonly fn: Fn; readonly content: CommitContent }) {
  const { data: types = NO_FILES } = useQuery(typesQuery(fn.id, content.commit.id));
  const files = useMemo(() => contentsOf(content.files), [content.files]);
  const texts = useMemo(() => textsOf(files), [files]);
  const { diagnostics, warnings } = content;
  const problems = useMemo(
    () => [...typeProblems(diagnostics), ...warningProblems(warnings)],
    [diagnostics, warnings],
  );
  const { path, reveal, open, follow } = useOpenFile(files);
  const { file } = useSearch({ from: "/shell/functions/$functionId/" });
  const shown = own(files, path ?? "");
  if (path === undefined) return <Empty title="No files" />;
  return (
    <>
      {file === undefined || file === path
        ? null
        : <Note tone="warn">This commit has no file {visibleText(file)}.</Note>}
      <UncheckedNote reason={content.unchecked} />
      <div className="function-editor">
        <nav className="function-files" aria-label="Files">
          <ul>
            {Object.keys(files).sort().map((each) => (
              <li key={each} className="function-file">
                <FileButton path={each} isShown={each === path} onOpen={open} />
              </li>
            ))}
          </ul>
        </nav>
        {isBinary(shown) ? <BinaryFile bytes={shown} /> : (
          <CodeEditor
            label={`Code of ${shortId(content.commit.id)}`}
            files={texts}
            types={types}
            path={path}
            readOnly="A commit never changes."
            onChange={ignore}
            problems={problems}
            onProblems={ignore}
            onDefinition={follow}
            reveal={reveal}
            onReady={ignore}
          />
        )}
      </div>
      <ProblemList problems={problems} onOpen={open} />
    </>
  );
}
