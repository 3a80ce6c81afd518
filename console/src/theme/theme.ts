import { readOfBrowser, writeOfBrowser } from "../browser/stored.ts";

export type Theme = "system" | "light" | "dark";

const KEY = "theme";
const listeners = new Set<() => void>();

/** The reader's choice; `system` follows the operating system. */
export function currentTheme(): Theme {
  const stored = readOfBrowser<Theme>(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** Whether the page is dark now. */
export function isDark(): boolean {
  const theme = currentTheme();
  return theme === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
}

export function setTheme(theme: Theme): void {
  writeOfBrowser(KEY, theme === "system" ? undefined : theme);
  applyTheme();
  for (const listener of listeners) listener();
}

/** Calls `listener` when light turns dark or back. */
export function onThemeChange(listener: () => void): () => void {
  const query = matchMedia("(prefers-color-scheme: dark)");
  listeners.add(listener);
  query.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    query.removeEventListener("change", listener);
  };
}

/** Before the first paint, so that nothing flashes. */
export function applyTheme(): void {
  const theme = currentTheme();
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

/** How the editors set text, in px; so does the static text that is shown while an editor's code loads. */
export const TEXT_METRICS = {
  fontSize: 13,
  lineHeight: 20,
  padding: { top: 8, bottom: 8 },
} as const;
