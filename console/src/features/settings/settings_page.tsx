import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useState, useSyncExternalStore } from "react";
import { OWNER } from "../../../../src/resources/roles.ts";
import { call, type PersonalClient } from "../../api/client.ts";
import { keys, pagedQuery } from "../../api/queries.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { DeleteDialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/field.tsx";
import { visibleText } from "../../parts/format.ts";
import { PagedTable, useCreation } from "../../parts/list.tsx";
import { Page, Properties, Section } from "../../parts/page.tsx";
import { Empty, Note } from "../../parts/states.tsx";
import type { Column } from "../../parts/table.tsx";
import { Name, Time, timeColumn } from "../../parts/values.tsx";
import { LifetimeField, LimitFields, NewCredential } from "../../shell/credentials.tsx";
import { RoleNames } from "../../shell/identity_fields.tsx";
import { DEFAULT_DAYS, lifetimeOf, type Limits, linesOf } from "../../shell/limits.ts";
import { useMay } from "../../shell/rights.ts";
import { leave, sessionQuery } from "../../shell/session.ts";
import { Sessions } from "../../shell/sessions.tsx";
import { currentTheme, onThemeChange, setTheme, type Theme } from "../../theme/theme.ts";

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
        <OwnAccount />
      </Section>
      <Section title="Appearance">
        <ThemeChoice />
      </Section>
      <Section title="Sessions">
        <p className="muted">
          Browsers that are signed in as this principal. Sessions end after the time that
          --session-lifetime sets.
        </p>
        <Sessions
          queryKey={keys.sessions}
          currentId={current?.id}
          read={(token, signal) =>
            call("GET /auth/v1/sessions", { query: { page_token: token }, signal })}
          onRevoke={(id) => call("DELETE /auth/v1/sessions/{id}", { path: { id } })}
        />
      </Section>
      <Clients />
    </Page>
  );
}

/** Leads an owner who signed in with a link to an account of their own. */
function OwnAccount() {
  const { data: current } = useQuery(sessionQuery);
  const { principal, method, providerSignInPath } = current ?? {};
  const isOwner = principal?.roles.includes(OWNER.id) === true;
  if (!isOwner || providerSignInPath === undefined || method === "SIGN_IN_METHOD_PROVIDER") {
    return null;
  }
  return (
    <Note>
      <span>
        You signed in with a link. Sign in with your company account to become a {OWNER.displayName}
        {" "}
        yourself; this session then ends.
      </span>
      <a className="button" href={`${providerSignInPath}?owner=true&return_to=/settings`}>
        Become a {OWNER.displayName}
      </a>
    </Note>
  );
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

const clientsQuery = pagedQuery<PersonalClient>(
  keys.clients,
  (query, signal) => call("GET /api/v1/iam/personal_clients", { query, signal }),
);

/** Programs that act as the reader: they are listed, created and revoked here. */
function Clients() {
  const creation = useCreation(
    "New client",
    useMay()("c1.api.iam.v1.PersonalClientService.Create"),
    "normal",
  );
  const [revoked, setRevoked] = useState<PersonalClient>();
  const query = useInfiniteQuery(clientsQuery);
  const columns = useMemo(() => columnsOf(setRevoked), []);
  return (
    <Section title="Clients" actions={creation.button}>
      <p className="muted">
        Command lines and other programs that act as this principal. A login creates one.
      </p>
      <PagedTable
        query={query}
        label="Clients"
        columns={columns}
        rowId={({ id }) => id}
        empty={<Empty title="No clients" />}
      />
      {creation.isOpen && <NewClient onClose={creation.close} />}
      {revoked === undefined ? null : (
        <DeleteDialog
          what="client"
          verb="Revoke"
          onConfirm={() =>
            call("DELETE /api/v1/iam/personal_clients/{id}", {
              path: { id: revoked.id },
              body: {},
            })}
          refresh={keys.clients}
          onClose={() => setRevoked(undefined)}
        >
          <Name value={revoked.displayName || revoked.clientId} />{" "}
          and its access tokens stop working within seconds, for good.
        </DeleteDialog>
      )}
    </Section>
  );
}

function columnsOf(onRevoke: (client: PersonalClient) => void): readonly Column<PersonalClient>[] {
  return [
    {
      header: "Client",
      cell: ({ displayName, clientId, disabled }) => (
        <>
          <span title={visibleText(clientId)}>
            <Name value={displayName === "" ? clientId : displayName} />
          </span>{" "}
          {disabled && <Badge tone="warn">Disabled</Badge>}
        </>
      ),
    },
    {
      header: "Limited to",
      minor: true,
      cell: ({ scopedRoles }) => <RoleNames ids={scopedRoles} none="All your roles" />,
    },
    timeColumn("Created", 110, ({ createdAt }) => createdAt),
    timeColumn("Last used", 110, ({ lastUsedAt }) => lastUsedAt),
    {
      header: "Expires",
      width: "110px",
      minor: true,
      cell: ({ expiresTime }) =>
        expiresTime === undefined ? <Badge tone="warn">Never</Badge> : <Time value={expiresTime} />,
    },
    {
      header: "Action",
      width: "110px",
      align: "end",
      cell: (client) => (
        <Button
          aria-label={`Revoke ${client.displayName || client.clientId}`}
          onClick={() => onRevoke(client)}
        >
          Revoke
        </Button>
      ),
    },
  ];
}

const NEW_CLIENT: Limits & { readonly displayName: string; readonly days: string } = {
  displayName: "",
  days: DEFAULT_DAYS,
  roleIds: [],
  networks: "",
};

async function createClient({ displayName, days, roleIds, networks }: typeof NEW_CLIENT) {
  const { client, clientSecret: secret = "" } = await call("POST /api/v1/iam/personal_clients", {
    body: {
      displayName,
      expires: lifetimeOf(days),
      scopedRoles: [...roleIds],
      allowSourceCidr: linesOf(networks),
    },
  });
  return { isApiKey: false, clientId: client?.clientId ?? "", secret };
}

function NewClient({ onClose }: { readonly onClose: () => void }) {
  return (
    <NewCredential
      onClose={onClose}
      title="New client"
      description="It acts as you: a program with its secret can do what you can."
      start={NEW_CLIENT}
      canSubmit={({ displayName }) => displayName.trim() !== ""}
      fields={["displayName", "expires", "scopedRoles", "allowSourceCidr"]}
      onCreate={createClient}
      refresh={keys.clients}
    >
      {({ field }) => (
        <>
          <TextField
            label="Name"
            hint="What uses it, such as a program or a machine"
            {...field("displayName")}
            autoFocus
          />
          <LifetimeField {...field("days", "expires")} hasNever />
          <LimitFields
            field={field}
            holder="you"
            names={{ roles: "scopedRoles", networks: "allowSourceCidr" }}
          />
        </>
      )}
    </NewCredential>
  );
}
