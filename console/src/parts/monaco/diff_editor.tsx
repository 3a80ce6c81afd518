import { useEffect, useRef } from "react";
import { languageOf, monaco, OPTIONS } from "./monaco.ts";

export interface DiffEditorProps {
  readonly label: string;
  readonly path: string;
  readonly original: string;
  readonly modified: string;
}

/** Two texts of a file beside each other; below each other in little space. */
export function DiffEditor({ label, path, original, modified }: DiffEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (place.current === null) return;
    const editor = monaco.editor.createDiffEditor(place.current, {
      ...OPTIONS,
      readOnly: true,
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
      original: monaco.editor.createModel(original, language),
      modified: monaco.editor.createModel(modified, language),
    };
    editor.setModel(models);
    return () => {
      editor.dispose();
      models.original.dispose();
      models.modified.dispose();
    };
  }, [label, path, original, modified]);
  return <div ref={place} className="editor" />;
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
