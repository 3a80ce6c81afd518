import {
  CatchBoundary,
  createRootRoute,
  createRoute,
  type ErrorComponentProps,
  Link,
  Outlet,
  redirect,
  useLocation,
  useRouter,
  useRouterState,
} from "@tanstack/react-router";
import { sessionQuery } from "../api/session.ts";
import { Button } from "../parts/button.tsx";
import { ErrorNote } from "../parts/states.tsx";
import { Page } from "../parts/page.tsx";
import { visibleText } from "../parts/visible_text.ts";
import { MissingPage } from "./missing_page.tsx";
import { queries } from "./queries.ts";
import { Shell } from "./shell.tsx";

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
    const session = await queries.ensureQueryData(sessionQuery);
    if (session.principal === undefined) {
      throw redirect({ to: "/sign-in", search: { to: location.href } });
    }
  },
  component: ShellOfPage,
});

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

/** A page that fails leaves the navigation as it is. */
function ShellOfPage() {
  // Changes once another page is there, or the same one was loaded again.
  const page = useRouterState({ select: ({ matches }) => matches.at(-1) });
  return (
    <Shell>
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
        <ToOverview />
      </div>
    </Page>
  );
}

function ToOverview() {
  return <Link to="/" className="button">Overview</Link>;
}
