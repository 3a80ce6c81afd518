import { jsonDefaults } from "monaco-editor/languages/features/json/register";
import { useEffect, useRef } from "react";
import { monaco, OPTIONS } from "./monaco.ts";

interface JsonEditorProps {
  readonly label: string;
  /** The text to begin with. Give the editor another key to begin anew: a value that comes back late would undo keys. */
  readonly initial: string;
  readonly onChange: (value: string) => void;
  /** A JSON Schema for completion and warnings. */
  readonly schema?: unknown;
  /** The reader presses Ctrl+Enter. */
  readonly onSubmit?: () => void;
}

let count = 0;

/** Edits one JSON document. */
export function JsonEditor(props: JsonEditorProps) {
  const { label, schema } = props;
  const container = useRef<HTMLDivElement>(null);
  const model = useRef<monaco.editor.ITextModel>(undefined);
  const latest = useRef(props);
  latest.current = props;
  useEffect(() => {
    if (container.current === null) return;
    count += 1;
    const uri = monaco.Uri.parse(`inmemory://input/${count}.json`);
    const created = monaco.editor.createModel(latest.current.initial, "json", uri);
    model.current = created;
    const editor = monaco.editor.create(container.current, {
      ...OPTIONS,
      model: created,
      lineNumbers: "off",
      folding: false,
      acceptSuggestionOnCommitCharacter: false,
      // Values, too, are completed.
      quickSuggestions: { strings: true, comments: false, other: true },
      autoClosingQuotes: "never",
      autoSurround: "never",
      // Tab moves to the next field.
      tabFocusMode: true,
      ariaLabel: label,
    });
    created.onDidChangeContent(() => latest.current.onChange(created.getValue()));
    editor.addAction({
      id: "invoked.submit",
      label: "Run",
      keybindings: [monaco.KeyMod.CtrlCmd | monaco.KeyCode.Enter],
      run: () => latest.current.onSubmit?.(),
    });
    return () => {
      editor.dispose();
      created.dispose();
    };
  }, [label]);
  useEffect(() => {
    const uri = model.current?.uri.toString() ?? "";
    const schemas = schema === undefined
      ? []
      : [{ uri: "inmemory://schema/input.json", fileMatch: [uri], schema }];
    jsonDefaults.setDiagnosticsOptions({ ...jsonDefaults.diagnosticsOptions, schemas });
  }, [schema, label]);
  return <div ref={container} className="editor editor-json" />;
}
