/** What readers see whose roles do not suffice: why, and whom to ask. */
import { useQuery } from "@tanstack/react-query";
import { Link, type RouteComponent } from "@tanstack/react-router";
import { Button, CopyButton } from "../parts/button.tsx";
import { Page, Properties } from "../parts/page.tsx";
import { ErrorNote } from "../parts/states.tsx";
import { Name } from "../parts/values.tsx";
import { useShownPages } from "./commands.ts";
import { PAGE_PERMISSIONS, type PagePath, rightsQuery, useMay } from "./rights.ts";
import { leave, sessionQuery } from "./session.ts";

/** A page for readers with one of its permissions; others see that they lack them. */
export function guarded(path: PagePath, page: RouteComponent): RouteComponent {
  const Content = page;
  function Guarded() {
    const may = useMay();
    return PAGE_PERMISSIONS[path].some(may) ? <Content /> : <NoAccessPage />;
  }
  return Object.assign(Guarded, { preload: page.preload });
}

/** In place of a page that the reader's roles do not include. */
function NoAccessPage() {
  const pages = useShownPages();
  return (
    <Page title="No access">
      <div className="stack">
        <p>Your roles do not include this page.</p>
        <p className="muted">
          A Super Administrator of this server can give you a role that does.{" "}
          <Link to="/settings">Settings</Link> shows your roles.
        </p>
      </div>
      <div className="row">
        {pages.map(({ to, label }) => <Link key={to} to={to} className="button">{label}</Link>)}
      </div>
    </Page>
  );
}

/** In place of every page for somebody without a role. */
export function NoRolePage() {
  const { data: session } = useQuery(sessionQuery);
  const { error, isFetching, refetch } = useQuery(rightsQuery);
  const { id = "", displayName = "" } = session?.principal ?? {};
  return (
    <main className="lone">
      <p className="wordmark">invoked</p>
      <Page title="You have no role yet">
        <div className="stack">
          <p>
            You are signed in, but nobody has given you a role on this server. Ask one of its Super
            Administrators for a role, and send them your id.
          </p>
          <Properties
            items={[
              ["Signed in as", <Name key="name" value={displayName} />],
              [
                "Id",
                <span key="id">
                  <code>{id}</code>
                  <CopyButton text={id} label="Copy your id" />
                </span>,
              ],
            ]}
          />
          {error === null ? null : <ErrorNote error={error} />}
        </div>
        <div className="actions">
          <Button onClick={() => void leave()}>Sign out</Button>
          <Button look="primary" busy={isFetching} onClick={() => void refetch()}>
            Check again
          </Button>
        </div>
      </Page>
    </main>
  );
}
