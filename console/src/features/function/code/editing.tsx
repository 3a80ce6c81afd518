import { useMemo, useRef, useState } from "react";
import { BinaryFile } from "../../../parts/binary_file.tsx";
import { Button } from "../../../parts/button.tsx";
import { isBinary, textsOf } from "../../../parts/file_content.ts";
import { CodeEditor } from "../../../parts/monaco/lazy.tsx";
import type { Problem } from "../../../parts/monaco/models.ts";
import { own } from "../../../parts/own.ts";
import { useCommands } from "../../../parts/shortcuts.tsx";
import { Empty, ErrorNote, Note } from "../../../parts/states.tsx";
import { FUNCTION_GROUP } from "../commands.ts";
import { isSame } from "../edits.ts";
import { DraftsDifferNote, HeadMovedNote } from "./draft_notes.tsx";
import { FileList } from "./file_list.tsx";
import { useOpenFile } from "./open_file.ts";
import { ProblemList } from "./problem_list.tsx";
import { isSameProblem, typeProblems, warningProblems } from "./problems.ts";
import { SaveBar } from "./save_bar.tsx";
import { useSave } from "./use_save.ts";
import { edit, type Workspace } from "./workspace.ts";
import { UncheckedNote } from "./unchecked_note.tsx";

const MAIN = "main.ts";
const FIRST_TEXT = `export default function main(input: { name?: string }): { message: string } {
  return { message: \`Hello, \${input.name ?? "world"}!\` };
}
`;

/** Files, editor, problems, and what saves them. */
export function Editing({ workspace }: { readonly workspace: Workspace }) {
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
      {workspace.isUnkept
        ? <Note tone="warn">This browser cannot store your draft. Save it before you leave.</Note>
        : null}
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
