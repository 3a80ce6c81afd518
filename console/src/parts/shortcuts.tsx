import { useLayoutEffect, useMemo } from "react";

export interface Shortcut {
  /** Keys as they are written, such as "Mod+S" or "g f"; `Mod` is Command on a Mac, else Control. */
  readonly keys: string;
  readonly label: string;
  readonly run: () => void;
}

/** What the reader can do on a page by choosing it in the palette, and by keys if it has some. */
export interface Command extends Omit<Shortcut, "keys"> {
  readonly keys?: string;
  /** What it acts on, such as "This function". */
  readonly group: string;
}

/** The commands of a group that are offered now. */
export function offeredIn(
  group: string,
  commands: readonly (readonly [isOffered: boolean, label: string, run: () => void])[],
): readonly Command[] {
  return commands.flatMap(([isOffered, label, run]) => isOffered ? [{ label, group, run }] : []);
}

export const IS_MAC = /Mac|iPhone|iPad/.test(navigator.platform);
/** How long the first key of two waits for the second, in ms. */
const SEQUENCE_TIME = 1_000;

const active = new Set<Shortcut>();
const commands = new Set<Command>();
let first: { readonly key: string; readonly at: number } | undefined;

// Keys with Control come here before an editor, which has many of them for itself.
addEventListener("keydown", (event) => {
  if (keyOf(event).includes("Mod+")) press(event);
}, true);
addEventListener("keydown", (event) => {
  if (!keyOf(event).includes("Mod+")) press(event);
});

function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  // The page behind a dialog is out of reach for the mouse, and so for keys.
  if (document.querySelector(".dialog-backdrop") !== null) return;
  const key = keyOf(event);
  const isTyping = !key.includes("Mod+") && isEditable(event.target);
  if (isTyping) return;
  // The times of the keys themselves: a busy page hears of them late.
  const sequence = first !== undefined && event.timeStamp - first.at < SEQUENCE_TIME
    ? `${first.key} ${key}`
    : key;
  first = { key, at: event.timeStamp };
  // The newest registration wins: a page's own before the shell's.
  const found = [...active].reverse().find(({ keys }) => keys === sequence || keys === key);
  if (found === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  first = undefined;
  found.run();
}

function keyOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const mod = IS_MAC ? event.metaKey : event.ctrlKey;
  return `${mod ? "Mod+" : ""}${event.altKey ? "Alt+" : ""}${
    mod && event.shiftKey ? "Shift+" : ""
  }${mod ? key.toUpperCase() : key}`;
}

function isEditable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement &&
    (target.isContentEditable ||
      target.closest("input, textarea, select, .monaco-editor") !== null);
}

/** Keys work while the component is there. Pass a list that keeps its identity, or it is registered anew. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  // Before the page is painted: who sees it may press a key.
  useLayoutEffect(() => {
    for (const shortcut of shortcuts) active.add(shortcut);
    return () => {
      for (const shortcut of shortcuts) active.delete(shortcut);
    };
  }, [shortcuts]);
}

/**
 * The palette offers the commands while the component is there, and their keys work. One that destroys something opens
 * its dialog. Pass a list that keeps its identity, or it is registered anew.
 */
export function useCommands(offered: readonly Command[]): void {
  useLayoutEffect(() => {
    for (const command of offered) commands.add(command);
    return () => {
      for (const command of offered) commands.delete(command);
    };
  }, [offered]);
  useShortcuts(useMemo(
    () =>
      offered.flatMap(({ keys, ...command }) => keys === undefined ? [] : [{ keys, ...command }]),
    [offered],
  ));
}

/** The commands of this page, sorted by group. */
export function activeCommands(): readonly Command[] {
  return [...commands].sort((a, b) => a.group.localeCompare(b.group));
}

/** Keys as the reader's keyboard names them. */
export function Keys({ keys }: { readonly keys: string }) {
  return (
    <span className="keys">
      {keys.split(" ").map((key) => (
        <kbd key={key}>
          {key.replace("Mod", IS_MAC ? "⌘" : "Ctrl").replace("Escape", "Esc").replaceAll("+", " ")}
        </kbd>
      ))}
    </span>
  );
}

/** The shortcuts that work on this page. */
export function activeShortcuts(): readonly Shortcut[] {
  return [...active];
}
