/** The pages of the navigation, and what the palette offers on every page. */
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { copyText } from "../parts/button.tsx";
import type { IconName } from "../parts/icon.tsx";
import type { PaletteItem } from "../parts/palette.tsx";
import { type Shortcut, useShortcuts } from "../parts/shortcuts.tsx";
import { toast, toastError } from "../parts/toasts.tsx";
import { currentTheme, isDark, setTheme } from "../theme/theme.ts";
import { PAGE_PERMISSIONS, type PagePath, useMay } from "./rights.ts";
import { leave } from "./session.ts";

interface PageLink {
  readonly to: PagePath | "/settings";
  readonly label: string;
  readonly icon: IconName;
  readonly keys: string;
}

/** The pages of the navigation. */
const PAGES: readonly PageLink[] = [
  { to: "/", label: "Overview", icon: "overview", keys: "g o" },
  { to: "/functions", label: "Functions", icon: "function", keys: "g f" },
  { to: "/invocations", label: "Invocations", icon: "invocation", keys: "g i" },
  { to: "/volumes", label: "Volumes", icon: "volume", keys: "g v" },
  {
    to: "/dead-letters",
    label: "Dead letters",
    icon: "deadLetter",
    keys: "g d",
  },
  { to: "/usage", label: "Usage", icon: "usage", keys: "g u" },
  { to: "/access", label: "Access", icon: "access", keys: "g a" },
  { to: "/audit", label: "Audit", icon: "audit", keys: "g l" },
  { to: "/settings", label: "Settings", icon: "settings", keys: "g s" },
];

/** The pages of the navigation that the reader's roles include. */
export function useShownPages(): readonly PageLink[] {
  const may = useMay();
  return useMemo(
    () => PAGES.filter(({ to }) => to === "/settings" || PAGE_PERMISSIONS[to].some(may)),
    [may],
  );
}

const GROUP = "Console";

/** Registers the shortcuts that work everywhere; returns what makes the palette's items as it opens. */
export function useShellCommands(
  setFinding: (open: boolean) => void,
  setHelping: (open: boolean) => void,
): () => readonly PaletteItem[] {
  const navigate = useNavigate();
  const pages = useShownPages();
  const mayCreate = useMay()("c1.api.functions.v1.FunctionsService.CreateFunction");
  const create = useMemo(
    () =>
      mayCreate
        ? [{ keys: "c", label: "New function", run: () => void navigate({ to: "/functions/new" }) }]
        : [],
    [mayCreate, navigate],
  );
  const shortcuts = useMemo<readonly Shortcut[]>(() => [
    { keys: "Mod+K", label: "Go to or run anything", run: () => setFinding(true) },
    { keys: "?", label: "Show keyboard shortcuts", run: () => setHelping(true) },
    ...pages.map(({ to, label, keys }) => ({ keys, label, run: () => void navigate({ to }) })),
    ...create,
  ], [pages, create, navigate, setFinding, setHelping]);
  useShortcuts(shortcuts);
  return () => [
    ...pages.map(({ to, label, keys }) => ({
      id: to,
      label,
      group: "Page",
      keys,
      run: () => void navigate({ to }),
    })),
    ...create.map((item) => ({ ...item, id: "new", group: GROUP })),
    {
      id: "help",
      label: "Show keyboard shortcuts",
      group: GROUP,
      keys: "?",
      run: () => setHelping(true),
    },
    {
      id: "link",
      label: "Copy link to this page",
      group: GROUP,
      run: () => void copy(globalThis.location.href, "Copied the link"),
    },
    ...themeCommands(),
    {
      id: "welcome",
      label: "Welcome page",
      group: "Page",
      run: () => void navigate({ to: "/welcome" }),
    },
    {
      id: "docs",
      label: "API reference",
      group: "Page",
      run: () => void open("/docs", "_blank", "noopener"),
    },
    { id: "leave", label: "Sign out", group: GROUP, run: () => void leave() },
  ];
}

/** Copies a text, and reports it under a title. */
export async function copy(text: string, title: string): Promise<void> {
  try {
    await copyText(text);
    toast(title);
  } catch (error) {
    toastError("Could not copy", error);
  }
}

function themeCommands(): readonly PaletteItem[] {
  const other = isDark() ? "light" : "dark";
  return [
    {
      id: "theme",
      label: `Toggle theme: switch to ${other}`,
      group: GROUP,
      run: () => setTheme(other),
    },
    ...currentTheme() === "system" ? [] : [{
      id: "theme-system",
      label: "Use the theme of the system",
      group: GROUP,
      run: () => setTheme("system"),
    }],
  ];
}
