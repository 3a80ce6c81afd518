import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { OWNER } from "../../../../src/resources/roles.ts";
import { call } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { Button } from "../../parts/button.tsx";
import { Page, Properties, Section } from "../../parts/page.tsx";
import { Note } from "../../parts/states.tsx";
import { Name, Time } from "../../parts/values.tsx";
import { RoleNames } from "../../shell/roles.tsx";
import { leave, sessionQuery } from "../../shell/session.ts";
import { Sessions } from "../../shell/sessions.tsx";
import { currentTheme, onThemeChange, setTheme, type Theme } from "../../theme/theme.ts";
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
