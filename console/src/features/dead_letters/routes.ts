import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../../shell/root.tsx";

export const deadLettersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/dead-letters",
  component: lazyRouteComponent(
    () => import("./dead_letters_page.tsx"),
    "DeadLettersPage",
  ),
});
