import { useEffect, useRef } from "react";
import { languageOf, monaco, OPTIONS } from "./monaco.ts";

interface DiffEditorProps {
  readonly label: string;
  readonly path: string;
  /** Undefined for a file that was added. */
  readonly original: string | undefined;
  /** Undefined for a file that was deleted. */
  readonly modified: string | undefined;
}

/** Two texts of a file beside each other; below each other in little space. Of one side alone the whole text. */
export function DiffEditor({ label, path, original, modified }: DiffEditorProps) {
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (container.current === null) return;
    const text = original === undefined ? modified : modified === undefined ? original : undefined;
    if (text !== undefined) {
      return showSide(container.current, `${label}: ${path}`, path, {
        text,
        word: original === undefined ? "added" : "deleted",
      });
    }
    const editor = monaco.editor.createDiffEditor(container.current, {
      ...OPTIONS,
      readOnly: true,
      renderOverviewRuler: false,
      originalEditable: false,
      renderSideBySide: true,
      useInlineViewWhenSpaceIsLimited: true,
      hideUnchangedRegions: { enabled: true },
      ariaLabel: label,
    });
    keepLabel(editor.getOriginalEditor(), `${label}: ${path}, before`);
    keepLabel(editor.getModifiedEditor(), `${label}: ${path}, after`);
    const language = shownLanguage(path);
    const models = {
      original: monaco.editor.createModel(original ?? "", language),
      modified: monaco.editor.createModel(modified ?? "", language),
    };
    editor.setModel(models);
    return () => {
      editor.dispose();
      models.original.dispose();
      models.modified.dispose();
    };
  }, [label, path, original, modified]);
  return <div ref={container} className="editor" />;
}

interface LoneSide {
  readonly text: string;
  readonly word: "added" | "deleted";
}

/** Shows a text of which all lines were added or deleted. Returns what ends it. */
function showSide(
  container: HTMLElement,
  label: string,
  path: string,
  { text, word }: LoneSide,
): () => void {
  const model = monaco.editor.createModel(text, shownLanguage(path));
  const editor = monaco.editor.create(container, {
    ...OPTIONS,
    model,
    readOnly: true,
    renderLineHighlight: "none",
    renderFinalNewline: "off",
    ariaLabel: `${label}, ${word}`,
  });
  const lines = model.getLineCount();
  // The text after the last line's end is no line of the file.
  const count = model.getLineLength(lines) === 0 ? lines - 1 : lines;
  editor.createDecorationsCollection(
    count === 0 ? [] : [{
      range: new monaco.Range(1, 1, count, 1),
      options: {
        isWholeLine: true,
        className: `editor-${word}`,
        linesDecorationsClassName: `editor-sign editor-sign-${word}`,
      },
    }],
  );
  return () => {
    editor.dispose();
    model.dispose();
  };
}

/** Names a side for screen readers; the library forgets the name whenever it lays out the sides anew. */
function keepLabel(side: monaco.editor.ICodeEditor, ariaLabel: string): void {
  const set = () => {
    if (side.getRawOptions().ariaLabel !== ariaLabel) side.updateOptions({ ariaLabel });
  };
  set();
  side.onDidChangeConfiguration(set);
}

/** Colours of a language without its service, which would read both texts as files of the function. */
function shownLanguage(path: string): string {
  const language = languageOf(path);
  return ["typescript", "javascript", "json"].includes(language) ? SHOWN : language;
}

const SHOWN = "typescript-text";
monaco.languages.register({ id: SHOWN });
monaco.languages.setMonarchTokensProvider(
  SHOWN,
  import("monaco-editor/languages/definitions/typescript/typescript")
    .then(({ language }) => language as monaco.languages.IMonarchLanguage),
);
