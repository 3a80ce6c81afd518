import { QueryClient, useQuery } from "@tanstack/react-query";
import {
  CatchBoundary,
  createRootRoute,
  createRoute,
  type ErrorComponentProps,
  lazyRouteComponent,
  Link,
  Outlet,
  redirect,
  useLocation,
  useRouter,
  useRouterState,
} from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { ApiError } from "../api/client.ts";
import { fromServer } from "../browser/connection.ts";
import { loadAnew } from "../browser/load_anew.ts";
import { Button } from "../parts/button.tsx";
import { visibleText } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { ErrorNote } from "../parts/states.tsx";
import { Toasts } from "../parts/toasts.tsx";
import { MissingPage } from "./subject_page.tsx";
import { NoRolePage } from "./no_access.tsx";
import { PAGE_PERMISSIONS, type PagePath, rightsQuery } from "./rights.ts";
import { openSession, type PageSession, useSession } from "./session.ts";
import { Shell } from "./shell.tsx";

const MAX_RETRIES = 3;

/** Everything that the page knows of the server. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      gcTime: 5 * 60_000,
      // The server would reject a rejected request again; a server that restarts answers soon.
      retry: (failures, error) =>
        failures < MAX_RETRIES &&
        (!(error instanceof ApiError) || error.status === 0 ||
          error.status >= 500),
    },
  },
});

/** The component of a route. Its code loads with the first look at it; while the server is away it waits. */
export const lazyPage: typeof lazyRouteComponent = (load, name) =>
  lazyRouteComponent(() => fromServer(load), name);

export const rootRoute = createRootRoute({
  component: Outlet,
  errorComponent: (props) => (
    <main className="lone">
      <Failure {...props} />
    </main>
  ),
});

/** The parent of every page for which somebody has to be signed in. */
export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "shell",
  beforeLoad: async ({ location }) => {
    const session = await openSession(queries);
    if (session.principal === undefined) {
      throw redirect({ to: "/sign-in", search: { to: location.href } });
    }
    await queries.ensureQueryData(rightsQuery);
  },
  component: ShellOfPage,
});

/** Whether the reader may open a page, once the shell has read their rights. */
export function mayOpen(page: PagePath): boolean {
  const rights = queries.getQueryData(rightsQuery.queryKey);
  return PAGE_PERMISSIONS[page].some((permission) => rights?.permissions.has(permission));
}

/** Every address without a page; the server answers it with the status 404. */
export const unknownRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "$",
  component: UnknownPage,
});

function UnknownPage() {
  const { pathname } = useLocation();
  return (
    <MissingPage>
      <p>
        This page does not exist: <code className="missing-what">{visibleText(pathname)}</code>
      </p>
    </MissingPage>
  );
}

// No page shows it at first.
const SessionDialog = lazy(async () => ({
  default: (await fromServer(() => import("./dialogs.tsx"))).SessionDialog,
}));

/** The page of one reader. Once the reader is another one, or has signed out, nothing of the page stays. */
function ShellOfPage() {
  const session = useSession();
  if (session.next !== undefined) return <Replaced by={session.next} />;
  return (
    <>
      <PageOfReader session={session} />
      <Suspense>
        {session.mode === "asking" && (
          <SessionDialog onSignedIn={() => void session.check()} onClose={session.close} />
        )}
      </Suspense>
      <Toasts />
    </>
  );
}

/** Shows nothing until another page is there. What was drawn is gone by then, and asks no longer before it is left. */
function Replaced({ by }: { readonly by: string }) {
  useEffect(() => void loadAnew(by), [by]);
  return null;
}

/** A page that fails leaves the navigation as it is. */
function PageOfReader({ session }: { readonly session: PageSession }) {
  // Changes once another page is there, or the same one was loaded again.
  const page = useRouterState({ select: ({ matches }) => matches.at(-1) });
  const { data: rights } = useQuery(rightsQuery);
  if (rights === null) return <NoRolePage />;
  return (
    <Shell session={session}>
      <CatchBoundary getResetKey={() => page} errorComponent={Failure}>
        <Outlet />
      </CatchBoundary>
    </Shell>
  );
}

function Failure({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <Page title="Something went wrong">
      <ErrorNote error={error} />
      <div className="row">
        <Button onClick={() => void router.invalidate().then(reset)}>Try again</Button>
        <Link to="/" className="button">Overview</Link>
      </div>
    </Page>
  );
}
