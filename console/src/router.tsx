import { createRouter } from "@tanstack/react-router";
import { deadLettersRoute } from "./features/dead_letters/routes.ts";
import { welcomeRoute } from "./features/first_run/routes.ts";
import { functionRoute } from "./features/function/routes.ts";
import { functionsRoute, newFunctionRoute } from "./features/functions/routes.ts";
import { invocationRoute, invocationsRoute } from "./features/invocations/routes.ts";
import { overviewRoute } from "./features/overview/routes.ts";
import { signInRoute } from "./features/session/routes.ts";
import { settingsRoute } from "./features/settings/routes.ts";
import { volumeRoute, volumesRoute } from "./features/volumes/routes.ts";
import { visitOf } from "./shell/list_position.tsx";
import { rootRoute, shellRoute, unknownRoute } from "./shell/root.tsx";

const routeTree = rootRoute.addChildren([
  signInRoute,
  shellRoute.addChildren([
    overviewRoute,
    welcomeRoute,
    functionsRoute,
    newFunctionRoute,
    functionRoute,
    invocationsRoute,
    invocationRoute,
    volumesRoute,
    volumeRoute,
    deadLettersRoute,
    settingsRoute,
    unknownRoute,
  ]),
]);

/** Every page by its path. The code of a page loads when somebody points at a link to it. */
export const router = createRouter({
  routeTree,
  // An address may have anything: what a page does not know is dropped.
  search: { strict: true },
  defaultPreload: "intent",
  scrollRestoration: true,
  getScrollRestorationKey: visitOf,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
