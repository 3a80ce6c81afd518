/** The addresses of the console, and what each may have in its search. No feature imports the pages of another. */
import { createRoute, createRouter, redirect, type RouteComponent } from "@tanstack/react-router";
import type { LetterSearch } from "./features/dead_letters/queries.ts";
import { auditSearchOf } from "./features/audit/filter.ts";
import { listSearchOf } from "./features/invocations/filter.ts";
import { type Range, RANGES } from "./features/overview/queries.ts";
import { usageSearchOf } from "./features/usage/days.ts";
import { SignInPage } from "./features/session/sign_in_page.tsx";
import { textIn } from "./parts/url_search.ts";
import { visitOf, withVisit } from "./shell/list_position.tsx";
import { guarded } from "./shell/no_access.tsx";
import type { PagePath } from "./shell/rights.ts";
import { lazyPage, mayOpen, rootRoute, shellRoute, unknownRoute } from "./shell/root.tsx";

/** A page of the shell for readers with one of its permissions. */
function pageAt<Path extends PagePath, Name extends string>(
  path: Path,
  load: () => Promise<{ readonly [N in Name]: RouteComponent }>,
  name: Name,
) {
  const component = guarded(path, lazyPage(load, name));
  return { getParentRoute: () => shellRoute, path, component };
}

const overviewRoute = createRoute({
  ...pageAt("/", () => import("./features/overview/overview_page.tsx"), "OverviewPage"),
  validateSearch: (search: Record<string, unknown>): { range?: Range } => {
    const range = String(search["range"]);
    return Object.hasOwn(RANGES, range) ? { range: range as Range } : {};
  },
});

const welcomeRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/welcome",
  component: lazyPage(() => import("./features/first_run/welcome_page.tsx"), "WelcomePage"),
});

const functionsRoute = createRoute({
  ...pageAt("/functions", () => import("./features/functions/functions_page.tsx"), "FunctionsPage"),
  validateSearch: (search: Record<string, unknown>): { q?: string } =>
    typeof search["q"] === "string" && search["q"] !== "" ? { q: search["q"] } : {},
  beforeLoad: withVisit,
});

const newFunctionRoute = createRoute(
  pageAt(
    "/functions/new",
    () => import("./features/functions/new_function_page.tsx"),
    "NewFunctionPage",
  ),
);

const functionPageRoute = createRoute(
  pageAt(
    "/functions/$functionId",
    () => import("./features/function/function_page.tsx"),
    "FunctionPage",
  ),
);

const codeRoute = createRoute({
  getParentRoute: () => functionPageRoute,
  path: "/",
  validateSearch: (search: Record<string, unknown>): CodeSearch => ({
    ...(typeof search["commit"] === "string" ? { commit: search["commit"] } : {}),
    ...(typeof search["file"] === "string" ? { file: search["file"] } : {}),
    ...numberIn("line", search["line"]),
    ...numberIn("column", search["column"]),
  }),
  component: lazyPage(() => import("./features/function/code/code_tab.tsx"), "CodeTab"),
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
  getParentRoute: () => functionPageRoute,
  path: "/tests",
  component: lazyPage(() => import("./features/function/tests/tests_tab.tsx"), "TestsTab"),
});

const historyRoute = createRoute({
  getParentRoute: () => functionPageRoute,
  path: "/history",
  validateSearch: (search: Record<string, unknown>): { commit?: string } =>
    typeof search["commit"] === "string" ? { commit: search["commit"] } : {},
  component: lazyPage(() => import("./features/function/history/history_tab.tsx"), "HistoryTab"),
});

const triggersRoute = createRoute({
  getParentRoute: () => functionPageRoute,
  path: "/triggers",
  validateSearch: (search: Record<string, unknown>): { trigger?: string; new?: NewTrigger } => ({
    ...(typeof search["trigger"] === "string" ? { trigger: search["trigger"] } : {}),
    ...(isNewTrigger(search["new"]) ? { new: search["new"] } : {}),
  }),
  component: lazyPage(() => import("./features/function/triggers/triggers_tab.tsx"), "TriggersTab"),
});

const functionSettingsRoute = createRoute({
  getParentRoute: () => functionPageRoute,
  path: "/settings",
  component: lazyPage(() => import("./features/function/settings/settings_tab.tsx"), "SettingsTab"),
});

/** The kind of a trigger that the page creates. */
type NewTrigger = "schedule" | "webhook" | "http";

function isNewTrigger(value: unknown): value is NewTrigger {
  return value === "schedule" || value === "webhook" || value === "http";
}

/** The page of a function; each of its tabs has a path. */
const functionRoute = functionPageRoute.addChildren([
  codeRoute,
  testsRoute,
  historyRoute,
  triggersRoute,
  functionSettingsRoute,
]);

const invocationsRoute = createRoute({
  ...pageAt(
    "/invocations",
    () => import("./features/invocations/invocations_page.tsx"),
    "InvocationsPage",
  ),
  validateSearch: listSearchOf,
  beforeLoad: withVisit,
});

const invocationRoute = createRoute(
  pageAt(
    "/invocations/$invocationId",
    () => import("./features/invocations/invocation_page.tsx"),
    "InvocationPage",
  ),
);

const volumesRoute = createRoute({
  ...pageAt("/volumes", () => import("./features/volumes/volumes_page.tsx"), "VolumesPage"),
  beforeLoad: withVisit,
});

interface VolumeSearch {
  /** The open directory; the root without one. */
  readonly directory?: string;
  /** The open file. */
  readonly file?: string;
  readonly tab?: "history";
  /** The version that the history shows alone. */
  readonly version?: number;
}

const volumeRoute = createRoute({
  ...pageAt("/volumes/$volumeId", () => import("./features/volumes/volume_page.tsx"), "VolumePage"),
  validateSearch: (search: Record<string, unknown>): VolumeSearch => ({
    ...(typeof search["directory"] === "string" ? { directory: search["directory"] } : {}),
    ...(typeof search["file"] === "string" ? { file: search["file"] } : {}),
    ...(search["tab"] === "history" ? { tab: "history" } : {}),
    ...(Number.isSafeInteger(search["version"]) ? { version: search["version"] as number } : {}),
  }),
});

const deadLettersRoute = createRoute({
  ...pageAt(
    "/dead-letters",
    () => import("./features/dead_letters/dead_letters_page.tsx"),
    "DeadLettersPage",
  ),
  validateSearch: (search: Record<string, unknown>): LetterSearch => ({
    ...textIn("function", search["function"]),
    ...textIn("word", search["word"]),
    ...textIn("q", search["q"]),
    ...textIn("letter", search["letter"]),
  }),
});

const accessRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/access",
  beforeLoad: () => {
    const to = mayOpen("/access/people") ? "/access/people" : "/access/principals";
    throw redirect({ to, replace: true });
  },
});

const peopleRoute = createRoute({
  ...pageAt("/access/people", () => import("./features/access/people_page.tsx"), "PeoplePage"),
  validateSearch: (search: Record<string, unknown>): { q?: string } => textIn("q", search["q"]),
});

const personRoute = createRoute(
  pageAt("/access/people/$userId", () => import("./features/access/person_page.tsx"), "PersonPage"),
);

const principalsRoute = createRoute(
  pageAt(
    "/access/principals",
    () => import("./features/access/principals_page.tsx"),
    "PrincipalsPage",
  ),
);

const principalRoute = createRoute(
  pageAt(
    "/access/principals/$principalId",
    () => import("./features/access/principal_page.tsx"),
    "PrincipalPage",
  ),
);

const rolesRoute = createRoute(
  pageAt("/access/roles", () => import("./features/access/roles_page.tsx"), "RolesPage"),
);

const federationRoute = createRoute({
  ...pageAt(
    "/access/federation",
    () => import("./features/access/federation_page.tsx"),
    "FederationPage",
  ),
  validateSearch: (search: Record<string, unknown>): { q?: string } => textIn("q", search["q"]),
});

const tenantsRoute = createRoute(
  pageAt("/access/tenants", () => import("./features/access/tenants_page.tsx"), "TenantsPage"),
);

const usageRoute = createRoute({
  ...pageAt("/usage", () => import("./features/usage/usage_page.tsx"), "UsagePage"),
  validateSearch: usageSearchOf,
});

const auditRoute = createRoute({
  ...pageAt("/audit", () => import("./features/audit/audit_page.tsx"), "AuditPage"),
  validateSearch: auditSearchOf,
});

const exportsRoute = createRoute(
  pageAt("/audit/exports", () => import("./features/audit/exports_page.tsx"), "ExportsPage"),
);

const settingsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/settings",
  component: lazyPage(() => import("./features/settings/settings_page.tsx"), "SettingsPage"),
});

const deviceRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/device",
  // The name of the field in RFC 8628.
  validateSearch: (search: Record<string, unknown>): { user_code?: string } =>
    textIn("user_code", search["user_code"]),
  component: lazyPage(() => import("./features/device/device_page.tsx"), "DevicePage"),
});

/** Where the reader wanted to go; a path of this server only, or a link could lead elsewhere. */
function ownPath(value: unknown): string | undefined {
  return typeof value === "string" && /^\/(?![/\\])/.test(value) ? value : undefined;
}

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { to?: string } => {
    const to = ownPath(search["to"]);
    return to === undefined ? {} : { to };
  },
  component: SignInPage,
});

const routeTree = rootRoute.addChildren([
  signInRoute,
  shellRoute.addChildren([
    overviewRoute,
    welcomeRoute,
    functionsRoute,
    newFunctionRoute,
    functionRoute,
    invocationsRoute,
    invocationRoute,
    volumesRoute,
    volumeRoute,
    deadLettersRoute,
    accessRoute,
    peopleRoute,
    personRoute,
    principalsRoute,
    principalRoute,
    rolesRoute,
    federationRoute,
    tenantsRoute,
    usageRoute,
    auditRoute,
    exportsRoute,
    settingsRoute,
    deviceRoute,
    unknownRoute,
  ]),
]);

/** Every page by its path. The code of a page loads when somebody points at a link to it. */
export const router = createRouter({
  routeTree,
  // An address may have anything: what a page does not know is dropped.
  search: { strict: true },
  defaultPreload: "intent",
  scrollRestoration: true,
  getScrollRestorationKey: visitOf,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
