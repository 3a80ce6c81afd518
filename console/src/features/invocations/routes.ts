import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../../shell/root.tsx";
import { listSearchOf } from "./filter.ts";

export const invocationsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/invocations",
  validateSearch: listSearchOf,
  component: lazyRouteComponent(
    () => import("./invocations_page.tsx"),
    "InvocationsPage",
  ),
});

export const invocationRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/invocations/$invocationId",
  component: lazyRouteComponent(
    () => import("./invocation_page.tsx"),
    "InvocationPage",
  ),
});
