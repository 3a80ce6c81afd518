import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../../shell/root.tsx";

export const welcomeRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/welcome",
  component: lazyRouteComponent(
    () => import("./welcome_page.tsx"),
    "WelcomePage",
  ),
});
