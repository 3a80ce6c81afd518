import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState, useSyncExternalStore } from "react";
import { call } from "../../api/client.ts";
import { keys, paging } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { visibleText } from "../../parts/format.ts";
import { Page, Properties, Section } from "../../parts/page.tsx";
import { Empty, Loaded } from "../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../parts/table.tsx";
import { toast } from "../../parts/toasts.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { leave, type Session, sessionQuery } from "../../shell/session.ts";
import { RoleNames } from "../../shell/roles.tsx";
import { currentTheme, onThemeChange, setTheme, type Theme } from "../../theme/theme.ts";
import { browserOf } from "./browsers.ts";
import { Clients } from "./clients.tsx";

const THEME_LABELS: Readonly<Record<Theme, string>> = {
  system: "System",
  light: "Light",
  dark: "Dark",
};

export function SettingsPage() {
  const { data: current } = useQuery(sessionQuery);
  return (
    <Page title="Settings">
      <Section title="Account" actions={<Button onClick={() => void leave()}>Sign out</Button>}>
        <Properties
          items={[
            ["Principal", <Name key="name" value={current?.principal?.displayName ?? ""} />],
            [
              "Roles",
              <RoleNames
                key="roles"
                ids={current?.principal?.roles ?? []}
                none="None as a whole"
              />,
            ],
            ["This session ends", <Time key="end" value={current?.expiresAt} />],
          ]}
        />
      </Section>
      <Section title="Appearance">
        <ThemeChoice />
      </Section>
      <Section title="Sessions">
        <p className="muted">
          Browsers that are signed in as this principal. Sessions end after the time that
          --session-lifetime sets.
        </p>
        <Sessions currentId={current?.id} />
      </Section>
      <Section title="Clients">
        <p className="muted">
          Command lines and other programs that act as this principal. A login makes one.
        </p>
        <Clients />
      </Section>
    </Page>
  );
}

function Sessions({ currentId }: { readonly currentId: string | undefined }) {
  const [revoked, setRevoked] = useState<Session>();
  const queries = useQueryClient();
  const query = useInfiniteQuery({
    queryKey: keys.sessions,
    queryFn: ({ pageParam, signal }) =>
      call("GET /auth/v1/sessions", { query: { page_token: pageParam }, signal }),
    ...paging,
  });
  const columns = useColumns(currentId, setRevoked);
  const revoke = async () => {
    if (revoked === undefined) return;
    await call("DELETE /auth/v1/sessions/{id}", { path: { id: revoked.id } });
    await queries.invalidateQueries({ queryKey: keys.sessions });
    toast("Signed the browser out");
  };
  return (
    <>
      <Loaded query={query}>
        {({ pages }) => (
          <DataTable
            label="Sessions"
            columns={columns}
            rows={pages.flatMap(({ list }) => list)}
            rowId={({ id }) => id}
            empty={<Empty title="No sessions" />}
            more={moreOf(query)}
          />
        )}
      </Loaded>
      <ConfirmDialog
        open={revoked !== undefined}
        onClose={() => setRevoked(undefined)}
        title="Sign this browser out?"
        action="Sign out"
        onConfirm={revoke}
      >
        <p>
          The browser at {revoked?.address} needs a new link before it can use the console again.
        </p>
      </ConfirmDialog>
    </>
  );
}

function useColumns(
  currentId: string | undefined,
  onRevoke: (session: Session) => void,
): readonly Column<Session>[] {
  return useMemo(() => [
    {
      id: "browser",
      header: "Browser",
      // The whole User-Agent on hover.
      cell: ({ userAgent }) => (
        <bdi className="name" title={visibleText(userAgent)}>{browserOf(userAgent)}</bdi>
      ),
    },
    {
      id: "address",
      header: "Address",
      width: "150px",
      minor: true,
      cell: ({ address }) => <Name value={address} />,
    },
    {
      id: "since",
      header: "Signed in",
      width: "120px",
      minor: true,
      cell: ({ createdAt }) => <Time value={createdAt} />,
    },
    {
      id: "ends",
      header: "Ends",
      width: "120px",
      minor: true,
      cell: ({ expiresAt }) => <Time value={expiresAt} />,
    },
    {
      id: "action",
      header: "Action",
      width: "110px",
      align: "end",
      cell: (session) =>
        session.id === currentId
          ? <Badge tone="accent">This browser</Badge>
          : <Button onClick={() => onRevoke(session)}>Sign out</Button>,
    },
  ], [currentId, onRevoke]);
}

function ThemeChoice() {
  // The palette changes it, too.
  const theme = useSyncExternalStore(onThemeChange, currentTheme);
  return (
    <fieldset className="settings-themes">
      <legend className="visually-hidden">Theme</legend>
      {Object.entries(THEME_LABELS).map(([value, label]) => (
        <label key={value}>
          <input
            type="radio"
            name="theme"
            checked={value === theme}
            onChange={() => setTheme(value as Theme)}
          />
          {label}
        </label>
      ))}
    </fieldset>
  );
}
