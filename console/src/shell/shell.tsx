import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useEffect, useMemo, useState } from "react";
import { sessionQuery } from "../api/session.ts";
import { fromServer } from "../browser/server.ts";
import { Icon, type IconName } from "../parts/icon.tsx";
import type { PaletteItem, Typed } from "../parts/palette.tsx";
import { Keys, type Shortcut, useShortcuts } from "../parts/shortcuts.tsx";
import { useFind } from "./find.ts";
import { followChanges } from "./live.ts";
import { useSession } from "./use_session.ts";

// Dialogs are no part of the first load.
const SessionDialog = lazy(async () => ({
  default: (await fromServer(() => import("./session_dialog.tsx"))).SessionDialog,
}));
const ShortcutSheet = lazy(async () => ({
  default: (await fromServer(() => import("../parts/shortcut_sheet.tsx"))).ShortcutSheet,
}));
const Palette = lazy(async () => ({
  default: (await fromServer(() => import("../parts/palette.tsx"))).Palette,
}));

interface PageLink {
  readonly to:
    | "/"
    | "/functions"
    | "/invocations"
    | "/volumes"
    | "/dead-letters"
    | "/settings";
  readonly label: string;
  readonly icon: IconName;
  readonly keys: string;
}

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
  { to: "/settings", label: "Settings", icon: "settings", keys: "g s" },
];

/** What surrounds every page: navigation, palette, shortcuts, live events and the session. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const [isFinding, setFinding] = useState(false);
  const [isHelping, setHelping] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const session = useSession();
  const hasSession = session.mode === "valid";
  const queries = useQueryClient();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isLeaving = useRouterState({ select: (state) => state.status === "pending" });
  const [isAway, setAway] = useState(false);
  useEffect(() => hasSession ? followChanges(queries, setAway) : undefined, [hasSession, queries]);
  useEffect(() => setOpen(false), [path]);
  const items = useCommands(setFinding, setHelping);
  return (
    <div className={`shell ${isOpen ? "shell-open" : ""}`}>
      <a className="skip" href="#content">Skip to the content</a>
      <Rail isOpen={isOpen} onToggle={() => setOpen(!isOpen)} onFind={() => setFinding(true)} />
      <main id="content" className="content" tabIndex={-1} aria-busy={isLeaving || undefined}>
        {children}
      </main>
      {isFinding ? <Finding onClose={() => setFinding(false)} items={items} /> : null}
      <div role="status">
        {isAway
          ? (
            <p className="away">
              The server does not answer. This page keeps what you typed, and connects again by
              itself.
            </p>
          )
          : null}
      </div>
      <Suspense>
        {isHelping ? <ShortcutSheet open onClose={() => setHelping(false)} /> : null}
        {session.mode === "asking"
          ? <SessionDialog onSignedIn={session.renew} onClose={session.close} />
          : null}
      </Suspense>
    </div>
  );
}

/** The palette; until its code is loaded, a field that takes what is typed. */
function Finding(
  { onClose, items }: { readonly onClose: () => void; readonly items: readonly PaletteItem[] },
) {
  const [typed, setTyped] = useState<Typed>({ query: "", isEntered: false });
  const find = useFind();
  const field = (
    <div className="dialog palette">
      <input
        className="palette-input"
        aria-label="Go to"
        autoFocus
        onChange={({ target }) => setTyped({ query: target.value, isEntered: false })}
        onKeyDown={({ key, currentTarget, nativeEvent }) => {
          if (key === "Escape") onClose();
          if (key !== "Enter" || nativeEvent.isComposing) return;
          setTyped({ query: currentTarget.value, isEntered: true });
        }}
      />
    </div>
  );
  return (
    <Suspense fallback={field}>
      <Palette onClose={onClose} items={items} search={find} begin={typed} />
    </Suspense>
  );
}

/** Registers the shortcuts that work everywhere; returns the palette's items. */
function useCommands(
  setFinding: (open: boolean) => void,
  setHelping: (open: boolean) => void,
): readonly PaletteItem[] {
  const navigate = useNavigate();
  const shortcuts = useMemo<readonly Shortcut[]>(() => [
    { keys: "Mod+K", label: "Go to anything", run: () => setFinding(true) },
    { keys: "?", label: "Show the shortcuts", run: () => setHelping(true) },
    ...PAGES.map(({ to, label, keys }) => ({ keys, label, run: () => void navigate({ to }) })),
    { keys: "c", label: "Create a function", run: () => void navigate({ to: "/functions/new" }) },
  ], [navigate, setFinding, setHelping]);
  useShortcuts(shortcuts);
  return useMemo(() => [
    ...PAGES.map(({ to, label }) => ({
      id: to,
      label,
      group: "Page",
      run: () => void navigate({ to }),
    })),
    {
      id: "new",
      label: "Create a function",
      group: "Action",
      run: () => void navigate({ to: "/functions/new" }),
    },
    { id: "help", label: "Show the shortcuts", group: "Action", run: () => setHelping(true) },
  ], [navigate, setHelping]);
}

function Rail(
  { isOpen, onToggle, onFind }: {
    readonly isOpen: boolean;
    readonly onToggle: () => void;
    readonly onFind: () => void;
  },
) {
  return (
    <aside className="rail">
      <div className="rail-head">
        <Link to="/" className="wordmark">invoked</Link>
        <button
          type="button"
          className="button button-plain button-icon rail-toggle"
          aria-label="Menu"
          aria-expanded={isOpen}
          onClick={onToggle}
        >
          <Icon name="menu" />
        </button>
      </div>
      <div className="rail-body">
        <button type="button" className="rail-find" onClick={onFind}>
          <Icon name="search" />
          <span>Go to …</span>
          <Keys keys="Mod+K" />
        </button>
        <nav aria-label="Pages">
          <ul>
            {PAGES.map(({ to, label, icon }) => (
              <li key={to}>
                <Link
                  to={to}
                  className="rail-link"
                  activeOptions={{ exact: to === "/", includeSearch: false }}
                  activeProps={{ "aria-current": "page" }}
                >
                  <Icon name={icon} />
                  {label}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <Account />
      </div>
    </aside>
  );
}

function Account() {
  const { data } = useQuery(sessionQuery);
  const name = data?.principal?.displayName ?? "Signed in";
  return (
    <div className="rail-foot">
      <Link to="/settings" className="rail-link" activeProps={{}}>
        <bdi className="name">{name}</bdi>
      </Link>
      <a href="/docs" target="_blank" rel="noopener" className="rail-link">API reference</a>
    </div>
  );
}
