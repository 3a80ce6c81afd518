import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { IS_MAC, useShortcuts } from "../shortcuts.tsx";
import { type FilePosition, followDefinitions } from "./definitions.ts";
import { Models, type Problem } from "./models.ts";
import { monaco, OPTIONS } from "./monaco.ts";
import { setLibraries } from "./typescript.ts";

interface CodeEditorProps {
  readonly label: string;
  /** The text of each file by its path. */
  readonly files: Readonly<Record<string, string>>;
  /** Declarations of packages, by paths such as `node_modules/zod/index.d.ts`. */
  readonly types: Readonly<Record<string, string>>;
  /** The file that is shown. */
  readonly path: string;
  /** Why nothing can be typed; undefined where it can. */
  readonly readOnly?: string;
  readonly onChange: (path: string, text: string) => void;
  /** What the server found; the editor's own come besides. */
  readonly problems: readonly Problem[];
  readonly onProblems: (problems: readonly Problem[]) => void;
  /** The reader goes from a symbol to its definition in another of the files. */
  readonly onDefinition: (from: FilePosition, to: FilePosition) => void;
  /** A position to show; a new object shows it again. */
  readonly reveal?: { readonly line: number; readonly column: number } | undefined;
  /** Gets what formats the shown file. */
  readonly onReady: (format: () => Promise<void>) => void;
}

type Editor = monaco.editor.IStandaloneCodeEditor;

/** Edits several files, of which one is shown, with the TypeScript service over all. */
export function CodeEditor(props: CodeEditorProps) {
  const { label, files, types, path, problems, reveal } = props;
  const container = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const [parts, setParts] = useState<{ readonly editor: Editor; readonly models: Models }>();
  useEffect(() => {
    if (container.current === null) return;
    const models = new Models((changed, text) => latest.current.onChange(changed, text));
    const { readOnly } = latest.current;
    const editor = monaco.editor.create(container.current, {
      ...OPTIONS,
      model: null,
      ...(readOnly === undefined ? {} : { readOnly: true, readOnlyMessage: { value: readOnly } }),
    });
    const markers = monaco.editor.onDidChangeMarkers(() =>
      latest.current.onProblems(models.found())
    );
    const definitions = followDefinitions(
      models,
      (from, to) => latest.current.onDefinition(from, to),
    );
    const layouts = keepCursorInSight(editor);
    latest.current.onReady(() => formatShown(editor));
    setParts({ editor, models });
    return () => {
      latest.current.onReady(async () => {});
      layouts.dispose();
      definitions.dispose();
      markers.dispose();
      editor.dispose();
      models[Symbol.dispose]();
    };
  }, []);
  // Before the next keystroke, which a later effect would undo.
  useLayoutEffect(() => {
    parts?.models.sync(files);
  }, [parts, files]);
  useLibraries(types, files);
  useTabKey(parts?.editor);
  useEffect(() => {
    if (parts === undefined) return;
    show(parts.editor, parts.models.model(path));
    parts.editor.updateOptions({ ariaLabel: `${label}: ${path}` });
  }, [parts, path, label, Object.hasOwn(files, path)]);
  useEffect(() => parts?.models.setProblems(problems), [parts, problems, files]);
  useEffect(() => {
    if (parts === undefined || reveal === undefined) return;
    const position = { lineNumber: reveal.line, column: reveal.column };
    parts.editor.setPosition(position);
    parts.editor.revealPositionInCenter(position);
    parts.editor.focus();
    container.current?.scrollIntoView({ block: "nearest" });
  }, [parts, reveal, path]);
  return <div ref={container} className="editor" />;
}

/** How long typing rests before the packages of the files are looked up, in ms. */
const REST = 500;

function useLibraries(types: CodeEditorProps["types"], files: CodeEditorProps["files"]): void {
  const known = useRef<CodeEditorProps["types"]>(undefined);
  useEffect(() => {
    // Without the types of a commit, the editor finds violations at every use of a package.
    const rest = known.current === types ? REST : 0;
    const timer = setTimeout(() => {
      known.current = types;
      setLibraries(types, files);
    }, rest);
    return () => clearTimeout(timer);
  }, [types, files]);
}

const views = new WeakMap<monaco.editor.ITextModel, monaco.editor.ICodeEditorViewState>();

/** Shows a model where the reader left it. */
function show(editor: Editor, model: monaco.editor.ITextModel | undefined): void {
  const former = editor.getModel();
  if (former === model) return;
  const view = editor.saveViewState();
  if (former !== null && view !== null) views.set(former, view);
  editor.setModel(model ?? null);
  const kept = model === undefined ? undefined : views.get(model);
  if (kept !== undefined) editor.restoreViewState(kept);
}

/** Keeps a visible cursor visible when the editor shrinks, for example above a growing panel of problems. */
function keepCursorInSight(editor: Editor): monaco.IDisposable {
  let { height } = editor.getLayoutInfo();
  return editor.onDidLayoutChange((layout) => {
    const position = editor.getPosition();
    const former = height;
    height = layout.height;
    if (position === null || height >= former) return;
    const top = editor.getTopForPosition(position.lineNumber, position.column) -
      editor.getScrollTop();
    if (top >= 0 && top < former) editor.revealPosition(position);
  });
}

/** The editor indents with Tab, which would keep the focus in it. */
function useTabKey(editor: Editor | undefined): void {
  useShortcuts(useMemo(() => [{
    keys: IS_MAC ? "Ctrl+Shift+M" : "Mod+M",
    label: "Let Tab leave the editor, or indent again",
    run: () => editor?.trigger("keyboard", "editor.action.toggleTabFocusMode", null),
  }], [editor]));
}

/** The language service may take this long to format a file, in ms; as it starts it takes longer. */
const FORMAT_TIME = 1_500;

/** Formats the file that is shown, if its language has a formatter. A failure must not keep the reader from saving. */
async function formatShown(editor: Editor): Promise<void> {
  const formatted = editor.getAction("editor.action.formatDocument")?.run().catch(() => {});
  let timer: number | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), FORMAT_TIME);
  });
  if (await Promise.race([formatted, late]) === "late") giveUpFormatting(editor);
  clearTimeout(timer);
}

/** A format that comes after the save would be a change of its own: the editor drops it once its position changed. */
function giveUpFormatting(editor: Editor): void {
  const selections = editor.getSelections();
  const end = editor.getModel()?.getFullModelRange().getEndPosition();
  if (selections === null || end === undefined) return;
  editor.setPosition({ lineNumber: 1, column: 1 });
  editor.setPosition(end);
  editor.setSelections(selections);
}
