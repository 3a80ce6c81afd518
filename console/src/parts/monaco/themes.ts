import { editor } from "monaco-editor/editor";
import { isDark, onThemeChange } from "../../theme/theme.ts";

/** Colours of the editor by the token of the theme that they take. */
const COLOURS: Readonly<Record<string, string>> = {
  "editor.background": "--raised",
  "editor.foreground": "--ink",
  "editorLineNumber.foreground": "--ink-3",
  "editorLineNumber.activeForeground": "--ink",
  "editor.lineHighlightBackground": "--hover",
  "editorCursor.foreground": "--accent",
  "editorWidget.background": "--ground",
  "editorWidget.border": "--line-strong",
  "editorHoverWidget.background": "--ground",
  "editorSuggestWidget.background": "--ground",
  "editorSuggestWidget.selectedBackground": "--accent-soft",
  "editorSuggestWidget.selectedForeground": "--ink",
  "editorSuggestWidget.border": "--line-strong",
  "editorSuggestWidget.highlightForeground": "--accent",
  "editorSuggestWidget.focusHighlightForeground": "--accent",
  "peekView.border": "--accent",
  "peekViewEditor.background": "--ground",
  "peekViewEditorGutter.background": "--ground",
  "peekViewResult.background": "--ground",
  "peekViewResult.selectionBackground": "--accent-soft",
  "peekViewResult.selectionForeground": "--ink",
  "peekViewTitle.background": "--raised",
  "peekViewTitleLabel.foreground": "--ink",
  "peekViewTitleDescription.foreground": "--ink-2",
  "editorIndentGuide.background1": "--line",
  "editorError.foreground": "--bad",
  "editorWarning.foreground": "--warn",
  "diffEditor.insertedLineBackground": "--good-soft",
  "diffEditor.removedLineBackground": "--bad-soft",
  "focusBorder": "--accent",
  "input.background": "--raised",
  "input.border": "--line-strong",
};

/** The same for what lies over a line, and shows it. */
const SHADES: Readonly<Record<string, string>> = {
  "diffEditor.insertedTextBackground": "--good",
  "diffEditor.removedTextBackground": "--bad",
};
/** Two digits: text keeps its contrast. */
const SHADE_ALPHA = "22";

const TOKENS: readonly (readonly [scope: string, token: string])[] = [
  ["", "--ink"],
  ["comment", "--ink-2"],
  ["keyword", "--accent"],
  ["string", "--good"],
  ["string.key.json", "--ink"],
  ["string.value.json", "--good"],
  ["regexp", "--good"],
  ["number", "--warn"],
  ["type", "--ink"],
  ["delimiter", "--ink-2"],
  ["tag", "--accent"],
  ["attribute.name", "--ink-2"],
  ["attribute.value", "--good"],
  ["invalid", "--bad"],
];

/** Gives the editors the theme of the page, now and whenever it changes. */
export function followTheme(): void {
  const apply = () => {
    const colourOf = readColours();
    editor.defineTheme("invoked", {
      base: isDark() ? "vs-dark" : "vs",
      inherit: true,
      rules: TOKENS.map(([token, name]) => ({ token, foreground: colourOf(name).slice(1) })),
      colors: Object.fromEntries([
        ...Object.entries(COLOURS).map(([key, name]) => [key, colourOf(name)]),
        ...Object.entries(SHADES).map(([key, name]) => [key, colourOf(name) + SHADE_ALPHA]),
      ]),
    });
    editor.setTheme("invoked");
  };
  apply();
  onThemeChange(apply);
}

/** Reads tokens as `#rrggbb`; the browser decides between the colours of a pair. */
function readColours(): (name: string) => string {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  const probe = document.createElement("span");
  return (name) => {
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const colour = getComputedStyle(probe).color;
    probe.remove();
    if (context === null) return "#808080";
    context.fillStyle = colour;
    return context.fillStyle;
  };
}
