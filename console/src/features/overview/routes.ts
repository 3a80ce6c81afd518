import { createRoute } from "@tanstack/react-router";
import { lazyPage } from "../../shell/lazy_page.ts";
import { shellRoute } from "../../shell/root.tsx";
import { type Range, RANGES } from "./queries.ts";

export const overviewRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/",
  validateSearch: (search: Record<string, unknown>): { range?: Range } => {
    const range = String(search["range"]);
    return Object.hasOwn(RANGES, range) ? { range: range as Range } : {};
  },
  component: lazyPage(() => import("./overview_page.tsx"), "OverviewPage"),
});
