import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../../shell/root.tsx";

export const functionsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/functions",
  component: lazyRouteComponent(
    () => import("./functions_page.tsx"),
    "FunctionsPage",
  ),
});

export const newFunctionRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/functions/new",
  component: lazyRouteComponent(
    () => import("./new_function_page.tsx"),
    "NewFunctionPage",
  ),
});
