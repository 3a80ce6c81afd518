import { createRoute } from "@tanstack/react-router";
import { lazyPage } from "../../shell/lazy_page.ts";
import { shellRoute } from "../../shell/root.tsx";

export const welcomeRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/welcome",
  component: lazyPage(
    () => import("./welcome_page.tsx"),
    "WelcomePage",
  ),
});
