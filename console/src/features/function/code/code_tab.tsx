import { useQuery } from "@tanstack/react-query";
import { Link, useLocation, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Fn } from "../../../api/client.ts";
import { Badge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { isBinary, own, textsOf } from "../../../parts/files.ts";
import { shortId, visibleText } from "../../../parts/format.ts";
import type { FilePosition } from "../../../parts/monaco/definitions.ts";
import { BinaryFile } from "../../../parts/monaco/file_diff.tsx";
import { CodeEditor, preloadCodeEditor } from "../../../parts/monaco/lazy.tsx";
import type { Problem } from "../../../parts/monaco/models.ts";
import { useCommands } from "../../../parts/shortcuts.tsx";
import { Empty, ErrorNote, Loaded, Loading, Note } from "../../../parts/states.tsx";
import { Name } from "../../../parts/values.tsx";
import { FUNCTION_GROUP } from "../commands.ts";
import {
  type CommitContent,
  commitQuery,
  contentsOf,
  typesQuery,
  useFunction,
} from "../queries.ts";
import { isSame } from "../typed_values.ts";
import { DraftsDifferNote, HeadMovedNote } from "./draft_notes.tsx";
import { draftOf, type Files } from "./drafts.ts";
import { FileButton, FileList } from "./file_list.tsx";
import {
  isSameProblem,
  ProblemList,
  typeProblems,
  UncheckedNote,
  warningProblems,
} from "./problems.tsx";
import { useSave } from "./save.ts";
import { SaveBar } from "./save_bar.tsx";
import { edit, useWorkspace, type Workspace } from "./workspace.ts";

/** The files of the function, to read and to write. A commit in the URL is read-only. */
export function CodeTab() {
  const fn = useFunction();
  const { commit } = useSearch({ from: "/shell/functions/$functionId/" });
  // Beside the files, which come first: they are small, and readable without the editor.
  useEffect(preloadCodeEditor, []);
  return commit === undefined
    ? <Draft fn={fn} />
    : <CommitView key={commit} fn={fn} commitId={commit} />;
}

function Draft({ fn }: { readonly fn: Fn }) {
  const { workspace, error, refetch } = useWorkspace(fn);
  if (workspace !== undefined) return <Editing workspace={workspace} />;
  return error === null ? <Loading /> : <ErrorNote error={error} onRetry={refetch} />;
}

const MAIN = "main.ts";
const FIRST_TEXT = `export default function main(input: { name?: string }): { message: string } {
  return { message: \`Hello, \${input.name ?? "world"}!\` };
}
`;

/** Files, editor, problems, and what saves them. */
function Editing({ workspace }: { readonly workspace: Workspace }) {
  const { files, commit, draft, packageErrors } = workspace;
  const { path, reveal, open, follow } = useOpenFile(files);
  const shown = own(files, path ?? "");
  const texts = useMemo(() => textsOf(files), [files]);
  const [found, setFound] = useState<readonly Problem[]>([]);
  const format = useRef<() => Promise<void>>(async () => {});
  const saving = useSave(workspace, format);
  const { save } = saving;
  useCommands(useMemo(() => [{
    keys: "Mod+S",
    label: "Save as a commit",
    group: FUNCTION_GROUP,
    run: () => void save(),
  }], [save]));
  const reported = useMemo(() => {
    const ofCommit = [
      ...typeProblems(commit?.diagnostics ?? []),
      ...warningProblems(commit?.warnings ?? []),
    ];
    // Lines of a changed file may be others by now.
    const valid = ofCommit.filter((problem) =>
      draft === undefined || !Object.hasOwn(draft.changed, problem.path)
    );
    return [...saving.problems, ...valid, ...packageErrors];
  }, [commit?.diagnostics, commit?.warnings, draft, saving.problems, packageErrors]);
  // The editor marks the problems that it finds itself.
  const marked = useMemo(
    () => reported.filter((problem) => !found.some((own) => isSameProblem(own, problem))),
    [reported, found],
  );
  return (
    <div className="function-code">
      <DraftsDifferNote workspace={workspace} />
      <HeadMovedNote workspace={workspace} />
      {workspace.isUnkept && (
        <Note tone="warn">This browser cannot store your draft. Save it before you leave.</Note>
      )}
      <UncheckedNote reason={commit?.unchecked} />
      <SaveBar workspace={workspace} saving={saving} />
      {saving.error === undefined ? null : <ErrorNote error={saving.error} />}
      <div className="function-editor">
        <FileList workspace={workspace} shown={path} onOpen={open} problems={reported} />
        {path === undefined
          ? <FirstFile workspace={workspace} />
          : isBinary(shown)
          ? <BinaryFile bytes={shown} />
          : (
            <CodeEditor
              label="Code"
              files={texts}
              types={workspace.types}
              path={path}
              onChange={(changed, text) => edit(workspace, (all) => ({ ...all, [changed]: text }))}
              problems={marked}
              onProblems={(next) => setFound((former) => isSame(former, next) ? former : next)}
              onDefinition={follow}
              reveal={reveal}
              onReady={(ready) => format.current = ready}
            />
          )}
      </div>
      <ProblemList problems={[...reported, ...found]} onOpen={open} />
    </div>
  );
}

function FirstFile({ workspace }: { readonly workspace: Workspace }) {
  return (
    <Empty
      title="No files yet"
      action={
        <Button
          look="primary"
          onClick={() => edit(workspace, (files) => ({ ...files, [MAIN]: FIRST_TEXT }))}
        >
          Create main.ts
        </Button>
      }
    >
      A function needs a <code>main.ts</code> that exports a handler.
    </Empty>
  );
}

const NO_FILES = {};
const ignore = () => {};

/** The files of any commit, to read. */
function CommitView({ fn, commitId }: { readonly fn: Fn; readonly commitId: string }) {
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
        {commitId === fn.head && <Badge tone="accent">Head</Badge>}
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

/** The file of the URL, or the first one; the position in it; and what opens another file. */
function useOpenFile(files: Files) {
  const { commit, file, line, column } = useSearch({ from: "/shell/functions/$functionId/" });
  const navigate = useNavigate({ from: "/functions/$functionId" });
  // A reader who opens the same position once more wants to see it again.
  const entry = useLocation({ select: ({ state }) => state.__TSR_key });
  const reveal = useMemo(
    () => line === undefined ? undefined : { line, column: column ?? 1 },
    [file, line, column, entry],
  );
  const first = MAIN in files ? MAIN : Object.keys(files).sort()[0];
  const path = file !== undefined && Object.hasOwn(files, file) ? file : first;
  const ofCommit = commit === undefined ? {} : { commit };
  const open = (opened: string, line?: number, column?: number) =>
    void navigate({
      search: {
        ...ofCommit,
        file: opened,
        ...(line === undefined ? {} : { line }),
        ...(column === undefined ? {} : { column }),
      },
    });
  /** Opens a definition. The browser's Back leads to the symbol that the reader came from. */
  const follow = async (from: FilePosition, { path, ...to }: FilePosition) => {
    const { path: left, ...position } = from;
    await navigate({ search: { ...ofCommit, file: left, ...position }, replace: true });
    await navigate({ search: { ...ofCommit, file: path, ...to } });
  };
  return { path, reveal, open, follow };
}
