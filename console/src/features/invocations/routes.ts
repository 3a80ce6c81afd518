import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../../shell/root.tsx";

export const invocationsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/invocations",
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
