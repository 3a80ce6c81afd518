import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../../shell/root.tsx";

export const deadLettersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/dead-letters",
  validateSearch: (
    search: Record<string, unknown>,
  ): { function?: string; letter?: string } => ({
    ...(typeof search["function"] === "string" ? { function: search["function"] } : {}),
    ...(typeof search["letter"] === "string" ? { letter: search["letter"] } : {}),
  }),
  component: lazyRouteComponent(
    () => import("./dead_letters_page.tsx"),
    "DeadLettersPage",
  ),
});
