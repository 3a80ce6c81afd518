/** Monaco with the features and languages that the console uses, in a chunk of its own. */
import * as monaco from "monaco-editor/editor";
import { jsonDefaults } from "monaco-editor/languages/features/json/register";
import "monaco-editor/features/bracketMatching/register";
import "monaco-editor/features/caretOperations/register";
import "monaco-editor/features/clipboard/register";
import "monaco-editor/features/codeAction/register";
import "monaco-editor/features/codeEditor/register";
import "monaco-editor/features/codicon/register";
import "monaco-editor/features/comment/register";
import "monaco-editor/features/contextmenu/register";
import "monaco-editor/features/cursorUndo/register";
import "monaco-editor/features/diffEditor/register";
import "monaco-editor/features/documentSymbols/register";
import "monaco-editor/features/find/register";
import "monaco-editor/features/folding/register";
import "monaco-editor/features/format/register";
import "monaco-editor/features/gotoError/register";
import "monaco-editor/features/gotoLine/register";
import "monaco-editor/features/gotoSymbol/register";
import "monaco-editor/features/hover/register";
import "monaco-editor/features/indentation/register";
import "monaco-editor/features/lineSelection/register";
import "monaco-editor/features/linesOperations/register";
import "monaco-editor/features/multicursor/register";
import "monaco-editor/features/parameterHints/register";
import "monaco-editor/features/quickCommand/register";
import "monaco-editor/features/readOnlyMessage/register";
import "monaco-editor/features/referenceSearch/register";
import "monaco-editor/features/rename/register";
import "monaco-editor/features/smartSelect/register";
import "monaco-editor/features/snippet/register";
import "monaco-editor/editor/contrib/suggest/browser/suggestController";
import "monaco-editor/features/toggleTabFocusMode/register";
import "monaco-editor/features/tokenization/register";
import "monaco-editor/features/unicodeHighlighter/register";
import "monaco-editor/features/unusualLineTerminators/register";
import "monaco-editor/features/wordHighlighter/register";
import "monaco-editor/features/wordOperations/register";
import "monaco-editor/languages/definitions/css/register";
import "monaco-editor/languages/definitions/html/register";
import "monaco-editor/languages/definitions/javascript/register";
import "monaco-editor/languages/definitions/markdown/register";
import "monaco-editor/languages/definitions/typescript/register";
import { own } from "../files.ts";
import { TEXT_METRICS } from "../../theme/theme.ts";
import { followTheme } from "./themes.ts";

// Workers are files of this server: the policy of the page allows no others.
globalThis.MonacoEnvironment = {
  getWorker(_, label) {
    if (label === "typescript" || label === "javascript") {
      return new Worker(new URL("./ts.worker.ts", import.meta.url), { type: "module" });
    }
    if (label === "json") {
      return new Worker(new URL("./json.worker.ts", import.meta.url), { type: "module" });
    }
    return new Worker(new URL("./editor.worker.ts", import.meta.url), { type: "module" });
  },
};
followTheme();
jsonDefaults.setDiagnosticsOptions({ ...jsonDefaults.diagnosticsOptions, allowComments: true });

export { monaco };

/** What all editors have in common. */
export const OPTIONS: monaco.editor.IStandaloneEditorConstructionOptions = {
  automaticLayout: true,
  fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"),
  ...TEXT_METRICS,
  minimap: { enabled: false },
  scrollBeyondLastLine: false,
  renderLineHighlight: "line",
  // Dimmed, the number of the last line has too little contrast.
  renderFinalNewline: "on",
  overviewRulerBorder: false,
  fixedOverflowWidgets: true,
  tabSize: 2,
  bracketPairColorization: { enabled: false },
  stickyScroll: { enabled: false },
  unicodeHighlight: { ambiguousCharacters: true, invisibleCharacters: true },
};

const LANGUAGES: Readonly<Record<string, string>> = {
  ts: "typescript",
  mts: "typescript",
  cts: "typescript",
  tsx: "typescript",
  js: "javascript",
  mjs: "javascript",
  cjs: "javascript",
  jsx: "javascript",
  json: "json",
  jsonc: "json",
  css: "css",
  html: "html",
  md: "markdown",
};

export function languageOf(path: string): string {
  const end = path.slice(path.lastIndexOf(".") + 1);
  return own(LANGUAGES, end) ?? "plaintext";
}
