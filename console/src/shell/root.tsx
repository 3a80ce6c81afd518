import { createRootRoute, createRoute, Outlet, redirect } from "@tanstack/react-router";
import { sessionQuery } from "../api/session.ts";
import { Button } from "../parts/button.tsx";
import { ErrorNote } from "../parts/states.tsx";
import { Page } from "../parts/page.tsx";
import { queries } from "./queries.ts";
import { Shell } from "./shell.tsx";

export const rootRoute = createRootRoute({
  component: Outlet,
  notFoundComponent: () => (
    <Page title="Not found">
      <p>This page does not exist.</p>
    </Page>
  ),
  errorComponent: ({ error, reset }) => (
    <Page title="Something failed">
      <ErrorNote error={error} />
      <div className="actions">
        <Button onClick={reset}>Try again</Button>
      </div>
    </Page>
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
  component: () => (
    <Shell>
      <Outlet />
    </Shell>
  ),
});
