import { createRoute } from "@tanstack/react-router";
import { lazyPage } from "../../shell/lazy_page.ts";
import { withVisit } from "../../shell/list_position.tsx";
import { shellRoute } from "../../shell/root.tsx";
import { listSearchOf } from "./filter.ts";

export const invocationsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/invocations",
  validateSearch: listSearchOf,
  beforeLoad: withVisit,
  component: lazyPage(
    () => import("./invocations_page.tsx"),
    "InvocationsPage",
  ),
});

export const invocationRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/invocations/$invocationId",
  component: lazyPage(
    () => import("./invocation_page.tsx"),
    "InvocationPage",
  ),
});
