import type { Models } from "./models.ts";
import { monaco } from "./monaco.ts";

/** A position in a file; line and column begin with 1. */
export interface FilePosition {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Follows "Go to Definition" to other files: a file of the function opens in the editor, and a package's declaration opens
 * in a read-only peek. Dispose it with the models.
 */
export function followDefinitions(
  models: Models,
  onDefinition: (from: FilePosition, to: FilePosition) => void,
): monaco.IDisposable {
  const opener = monaco.editor.registerEditorOpener({
    openCodeEditor(source, resource, at) {
      const former = source.getModel();
      const leaves = source.getPosition();
      if (former === null || leaves === null || former.uri.toString() === resource.toString()) {
        return false;
      }
      const [from, to] = [models.pathOf(former.uri), models.pathOf(resource)];
      if (from !== undefined && to !== undefined) {
        onDefinition(filePosition(from, leaves), filePosition(to, positionOf(at)));
        return true;
      }
      if (from === undefined || !isDeclaration(resource)) return false;
      source.trigger("definition", "editor.action.peekDefinition", null);
      return true;
    },
  });
  // An editor of its own shows the file of a peek.
  const editors = monaco.editor.onDidCreateEditor((editor) => {
    editor.onDidChangeModel(({ newModelUrl }) => {
      if (newModelUrl !== null && isDeclaration(newModelUrl)) editor.updateOptions(READ_ONLY);
    });
  });
  return {
    dispose() {
      opener.dispose();
      editors.dispose();
    },
  };
}

const READ_ONLY = {
  readOnly: true,
  readOnlyMessage: { value: "A declaration of a package or of the language is read-only." },
};

/** Whether it declares a package or the language, and is no file of the function. */
function isDeclaration({ scheme, path }: monaco.Uri): boolean {
  return scheme === "file" && /^\/(?:node_modules\/|lib\.[\w.]+\.d\.ts$)/.test(path);
}

function positionOf(at: monaco.IRange | monaco.IPosition | undefined): monaco.IPosition {
  if (at === undefined) return { lineNumber: 1, column: 1 };
  return "lineNumber" in at ? at : { lineNumber: at.startLineNumber, column: at.startColumn };
}

function filePosition(path: string, { lineNumber, column }: monaco.IPosition): FilePosition {
  return { path, line: lineNumber, column };
}
