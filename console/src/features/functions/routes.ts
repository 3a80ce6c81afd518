import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../../shell/root.tsx";

export const functionsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/functions",
  validateSearch: (search: Record<string, unknown>): { q?: string } =>
    typeof search["q"] === "string" && search["q"] !== "" ? { q: search["q"] } : {},
  component: lazyRouteComponent(() => import("./functions_page.tsx"), "FunctionsPage"),
});

export const newFunctionRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/functions/new",
  component: lazyRouteComponent(() => import("./new_function_page.tsx"), "NewFunctionPage"),
});
