import { createRoute } from "@tanstack/react-router";
import { lazyPage } from "../../shell/lazy_page.ts";
import { shellRoute } from "../../shell/root.tsx";

export const settingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/settings",
  component: lazyPage(
    () => import("./settings_page.tsx"),
    "SettingsPage",
  ),
});
