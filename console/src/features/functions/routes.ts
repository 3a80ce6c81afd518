import { createRoute } from "@tanstack/react-router";
import { lazyPage } from "../../shell/lazy_page.ts";
import { withVisit } from "../../shell/list_position.tsx";
import { shellRoute } from "../../shell/root.tsx";

export const functionsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/functions",
  validateSearch: (search: Record<string, unknown>): { q?: string } =>
    typeof search["q"] === "string" && search["q"] !== "" ? { q: search["q"] } : {},
  beforeLoad: withVisit,
  component: lazyPage(() => import("./functions_page.tsx"), "FunctionsPage"),
});

export const newFunctionRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/functions/new",
  component: lazyPage(() => import("./new_function_page.tsx"), "NewFunctionPage"),
});
