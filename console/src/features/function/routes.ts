import { createRoute } from "@tanstack/react-router";
import { lazyPage } from "../../shell/lazy_page.ts";
import { shellRoute } from "../../shell/root.tsx";

const pageRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/functions/$functionId",
  component: lazyPage(() => import("./function_page.tsx"), "FunctionPage"),
});

const codeRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: "/",
  validateSearch: (search: Record<string, unknown>): CodeSearch => ({
    ...(typeof search["commit"] === "string" ? { commit: search["commit"] } : {}),
    ...(typeof search["file"] === "string" ? { file: search["file"] } : {}),
    ...numberIn("line", search["line"]),
    ...numberIn("column", search["column"]),
  }),
  component: lazyPage(() => import("./code/code_tab.tsx"), "CodeTab"),
});

interface CodeSearch {
  /** A commit to read in place of the draft. */
  readonly commit?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

function numberIn<K extends string>(name: K, value: unknown): { [P in K]?: number } {
  return Number.isSafeInteger(value) ? { [name]: value } as { [P in K]: number } : {};
}

const testsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: "/tests",
  component: lazyPage(() => import("./tests/tests_tab.tsx"), "TestsTab"),
});

const historyRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: "/history",
  validateSearch: (search: Record<string, unknown>): { commit?: string } =>
    typeof search["commit"] === "string" ? { commit: search["commit"] } : {},
  component: lazyPage(() => import("./history/history_tab.tsx"), "HistoryTab"),
});

const triggersRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: "/triggers",
  validateSearch: (search: Record<string, unknown>): { trigger?: string; new?: NewTrigger } => ({
    ...(typeof search["trigger"] === "string" ? { trigger: search["trigger"] } : {}),
    ...(isNewTrigger(search["new"]) ? { new: search["new"] } : {}),
  }),
  component: lazyPage(() => import("./triggers/triggers_tab.tsx"), "TriggersTab"),
});

const settingsRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: "/settings",
  component: lazyPage(() => import("./settings/settings_tab.tsx"), "SettingsTab"),
});

/** The kind of a trigger that the page creates. */
type NewTrigger = "schedule" | "webhook" | "http";

function isNewTrigger(value: unknown): value is NewTrigger {
  return value === "schedule" || value === "webhook" || value === "http";
}

/** The page of a function; each of its tabs has a path. */
export const functionRoute = pageRoute.addChildren([
  codeRoute,
  testsRoute,
  historyRoute,
  triggersRoute,
  settingsRoute,
]);
