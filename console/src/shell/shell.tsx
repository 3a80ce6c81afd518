import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useState } from "react";
import { call } from "../api/client.ts";
import { fromServer } from "../browser/connection.ts";
import { giveFocus } from "../parts/dialog.tsx";
import { Icon } from "../parts/icon.tsx";
import type { PaletteItem, Typed } from "../parts/palette.tsx";
import { activeCommands, Keys } from "../parts/shortcuts.tsx";
import { useShellCommands, useShownPages } from "./commands.ts";
import { followChanges } from "./live.ts";
import { useMay } from "./rights.ts";
import { type PageSession, sessionQuery } from "./session.ts";

// Dialogs are no part of the first load.
const ShortcutSheet = lazy(async () => ({
  default: (await fromServer(() => import("./dialogs.tsx"))).ShortcutSheet,
}));
const Palette = lazy(async () => ({
  default: (await fromServer(() => import("../parts/palette.tsx"))).Palette,
}));

interface ShellProps {
  readonly session: Pick<PageSession, "mode" | "check">;
  readonly children: ReactNode;
}

/** What surrounds every page: navigation, palette, shortcuts and live events. */
export function Shell({ session, children }: ShellProps) {
  const [isFinding, setFinding] = useState(false);
  const [isHelping, setHelping] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const { check } = session;
  const mayFollow = useMay()("invoked.ServerService.WatchChanges");
  const isFollowing = session.mode === "valid" && mayFollow;
  const queries = useQueryClient();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isLeaving = useRouterState({ select: (state) => state.status === "pending" });
  const [isAway, setAway] = useState(false);
  useEffect(() => isFollowing ? followChanges(queries, setAway, check) : undefined, [
    isFollowing,
    queries,
    check,
  ]);
  useEffect(() => setOpen(false), [path]);
  useEscape(isOpen, () => setOpen(false));
  const items = useShellCommands(setFinding, setHelping);
  return (
    <div className={`shell ${isOpen ? "shell-open" : ""}`}>
      <a className="skip" href="#content">Skip to content</a>
      <Rail isOpen={isOpen} onToggle={() => setOpen(!isOpen)} onFind={() => setFinding(true)} />
      <main id="content" className="content" tabIndex={-1} aria-busy={isLeaving || undefined}>
        {children}
      </main>
      {isFinding && <Finding onClose={() => setFinding(false)} items={items} />}
      <div role="status">
        {isAway && (
          <p className="away">
            The server is not responding. This page keeps what you typed and reconnects by itself.
          </p>
        )}
      </div>
      <Suspense>
        {isHelping && <ShortcutSheet open onClose={() => setHelping(false)} />}
      </Suspense>
    </div>
  );
}

/** The palette; until its code is loaded, a field that takes what is typed. */
function Finding({ onClose, items: itemsOf }: {
  readonly onClose: () => void;
  readonly items: () => readonly PaletteItem[];
}) {
  const [typed, setTyped] = useState<Typed>({ query: "", isEntered: false });
  const [opener] = useState(() => document.activeElement);
  const [items] = useState(() => [...pageItems(), ...itemsOf()]);
  const find = useFind();
  // A dialog that the item opens gives the focus back to what has it then.
  const choose = (item: PaletteItem) => {
    onClose();
    requestAnimationFrame(() => {
      giveFocus(opener);
      item.run();
    });
  };
  const field = (
    <div className="dialog palette">
      <input
        className="palette-input"
        aria-label="Go to or run"
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
      <Palette onClose={onClose} onChoose={choose} items={items} search={find} begin={typed} />
    </Suspense>
  );
}

/** What the page itself offers. */
function pageItems(): readonly PaletteItem[] {
  return activeCommands().map((command) => ({
    ...command,
    id: `${command.group} ${command.label}`,
  }));
}

/** Closes the navigation of a narrow screen on Escape; its button gets the focus. */
function useEscape(isOpen: boolean, close: () => void): void {
  useEffect(() => {
    if (!isOpen) return;
    const listen = ({ key, defaultPrevented }: KeyboardEvent) => {
      if (key !== "Escape" || defaultPrevented) return;
      close();
      document.querySelector<HTMLElement>(".rail-toggle")?.focus();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  });
}

function Rail({ isOpen, onToggle, onFind }: {
  readonly isOpen: boolean;
  readonly onToggle: () => void;
  readonly onFind: () => void;
}) {
  const pages = useShownPages();
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
            {pages.map(({ to, label, icon }) => (
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

const KSUID = /^[0-9A-Za-z]{27}$/;
const SHOWN = 8;

/** Finds functions whose name has the text, as far as the reader may search them, and whatever an id may be of. */
function useFind(): (query: string, signal: AbortSignal) => Promise<readonly PaletteItem[]> {
  const navigate = useNavigate();
  const maySearch = useMay()("c1.api.functions.v1.FunctionsSearch.Search");
  return useCallback(
    (query, signal) => maySearch ? findAnywhere(query, signal, navigate) : Promise.resolve([]),
    [maySearch, navigate],
  );
}

async function findAnywhere(
  query: string,
  signal: AbortSignal,
  navigate: ReturnType<typeof useNavigate>,
): Promise<readonly PaletteItem[]> {
  const text = query.trim();
  if (KSUID.test(text)) return itemsOfId(text, navigate);
  const { list = [] } = await call("POST /api/v1/search/functions", {
    body: { query: text, functionTypes: [], pageSize: SHOWN },
    signal,
  });
  return list.flatMap(({ id, displayName }) =>
    id === undefined ? [] : [{
      id: `function-${id}`,
      label: displayName ?? id,
      group: "Function",
      run: () =>
        void navigate({
          to: "/functions/$functionId",
          params: { functionId: id },
        }),
    }]
  );
}

function itemsOfId(
  id: string,
  navigate: ReturnType<typeof useNavigate>,
): readonly PaletteItem[] {
  return [
    {
      id: `invocation-${id}`,
      label: `Invocation ${id}`,
      group: "Id",
      run: () =>
        void navigate({
          to: "/invocations/$invocationId",
          params: { invocationId: id },
        }),
    },
    {
      id: `function-${id}`,
      label: `Function ${id}`,
      group: "Id",
      run: () =>
        void navigate({
          to: "/functions/$functionId",
          params: { functionId: id },
        }),
    },
    {
      id: `volume-${id}`,
      label: `Volume ${id}`,
      group: "Id",
      run: () => void navigate({ to: "/volumes/$volumeId", params: { volumeId: id } }),
    },
  ];
}
