import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../../shell/root.tsx";

export const functionRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/functions/$functionId",
  component: lazyRouteComponent(
    () => import("./function_page.tsx"),
    "FunctionPage",
  ),
});
