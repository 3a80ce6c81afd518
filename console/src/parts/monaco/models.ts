import { languageOf, monaco } from "./monaco.ts";

/** A problem at a position in a file; line and column begin with 1. */
export interface Problem {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** Code of the compiler, such as TS2322. */
  readonly code?: string | undefined;
  readonly severity: "error" | "warning";
  /** Who found it: `build`, `types` or `packages` of the server, or the editor. */
  readonly source: "build" | "types" | "packages" | "editor";
}

/** Markers of problems that others than the editor found. */
const OWNER = "server";

export function uriOf(path: string): monaco.Uri {
  return monaco.Uri.from({ scheme: "file", path: `/${path}` });
}

/** The files as models, of which the language service reads all. One set at a time. */
export class Models implements Disposable {
  #isSyncing = false;
  readonly #models = new Map<string, monaco.editor.ITextModel>();
  /** The texts that both sides know: a model may keep a text in another form, as with one kind of line end. */
  readonly #known = new Map<string, string>();
  readonly #onChange: (path: string, text: string) => void;

  constructor(onChange: (path: string, text: string) => void) {
    this.#onChange = onChange;
  }

  model(path: string): monaco.editor.ITextModel | undefined {
    return this.#models.get(path);
  }

  /** The path of a file that is one of the models; undefined for a declaration of a package. */
  pathOf({ scheme, path }: monaco.Uri): string | undefined {
    const own = path.slice(1);
    return scheme === "file" && this.#models.has(own) ? own : undefined;
  }

  /** Replaces the models by the models of `files`. An unchanged file keeps its undo stack. */
  sync(files: Readonly<Record<string, string>>): void {
    this.#isSyncing = true;
    for (const [path, model] of this.#models) {
      if (Object.hasOwn(files, path)) continue;
      model.dispose();
      this.#models.delete(path);
    }
    for (const [path, text] of Object.entries(files)) {
      const model = this.#models.get(path);
      if (model === undefined) this.#add(path, text);
      else if (this.#known.get(path) !== text) {
        replace(model, text);
      }
      this.#known.set(path, text);
    }
    this.#isSyncing = false;
  }

  setProblems(problems: readonly Problem[]): void {
    for (const [path, model] of this.#models) {
      const markers = problems.filter((problem) => problem.path === path);
      monaco.editor.setModelMarkers(model, OWNER, markers.map((marker) => markerOf(marker, model)));
    }
  }

  /** What the editor itself found in the models. */
  found(): readonly Problem[] {
    return monaco.editor.getModelMarkers({}).flatMap((marker) => {
      const path = this.pathOf(marker.resource);
      if (path === undefined || marker.owner === OWNER) return [];
      if (marker.severity < monaco.MarkerSeverity.Warning) return [];
      return [{
        path,
        line: marker.startLineNumber,
        column: marker.startColumn,
        message: marker.message,
        code: codeOf(marker),
        severity: marker.severity === monaco.MarkerSeverity.Error ? "error" : "warning",
        source: "editor",
      }];
    });
  }

  [Symbol.dispose](): void {
    for (const model of this.#models.values()) model.dispose();
    this.#models.clear();
  }

  #add(path: string, text: string): void {
    const uri = uriOf(path);
    monaco.editor.getModel(uri)?.dispose();
    const model = monaco.editor.createModel(text, languageOf(path), uri);
    model.updateOptions({
      tabSize: 2,
      insertSpaces: true,
      bracketColorizationOptions: { enabled: false, independentColorPoolPerBracketType: false },
    });
    model.onDidChangeContent(() => {
      if (this.#isSyncing) return;
      this.#known.set(path, model.getValue());
      this.#onChange(path, model.getValue());
    });
    this.#models.set(path, model);
  }
}

/** Replaces what differs alone: cursors elsewhere stay where they are. */
function replace(model: monaco.editor.ITextModel, text: string): void {
  const former = model.getValue();
  const shorter = Math.min(former.length, text.length);
  let start = 0;
  while (start < shorter && former[start] === text[start]) start++;
  let end = 0;
  while (end < shorter - start && former.at(-1 - end) === text.at(-1 - end)) end++;
  // No half of a character of two units, and no half of a line's end.
  const around = (at: number) => [former, text].map((one) => one.slice(at).slice(0, 2));
  if (start > 0 && around(start - 1).some((units) => JOINED.test(units))) start--;
  if (end > 0 && around(-1 - end).some((units) => JOINED.test(units))) end--;
  const range = monaco.Range.fromPositions(
    model.getPositionAt(start),
    model.getPositionAt(former.length - end),
  );
  model.pushEditOperations([], [{ range, text: text.slice(start, text.length - end) }], () => null);
}

/** Two units of which a position is never between. */
const JOINED = /^(?:[\ud800-\udbff][\udc00-\udfff]|\r\n)$/;

/** The language service of the editor gives the number of a compiler's code alone. */
function codeOf({ code, owner }: monaco.editor.IMarker): string | undefined {
  const isCompiler = owner === "typescript" || owner === "javascript";
  return isCompiler && typeof code === "string" ? `TS${code}` : undefined;
}

function markerOf(
  { line, column, message, code = "", severity, source }: Problem,
  model: monaco.editor.ITextModel,
): monaco.editor.IMarkerData {
  const at = model.validatePosition({ lineNumber: line, column });
  return {
    message,
    code,
    source,
    severity: monaco.MarkerSeverity[severity === "error" ? "Error" : "Warning"],
    startLineNumber: at.lineNumber,
    startColumn: at.column,
    endLineNumber: at.lineNumber,
    endColumn: endOf(at, model),
  };
}

/** The column behind the word or the literal in quotes that begins at the position; else behind one character. */
function endOf(at: monaco.Position, model: monaco.editor.ITextModel): number {
  const rest = model.getLineContent(at.lineNumber).slice(at.column - 1);
  const [quoted] = /^(["'`]).*?\1/.exec(rest) ?? [];
  if (quoted !== undefined) return at.column + quoted.length;
  return model.getWordAtPosition(at)?.endColumn ?? at.column + 1;
}
