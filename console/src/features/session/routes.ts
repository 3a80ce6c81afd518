import { createRoute } from "@tanstack/react-router";
import { rootRoute } from "../../shell/root.tsx";
import { SignInPage } from "./sign_in_page.tsx";

/** Where the reader wanted to go; a path of this server only, or a link could lead elsewhere. */
function ownPath(value: unknown): string | undefined {
  return typeof value === "string" && /^\/(?![/\\])/.test(value) ? value : undefined;
}

export const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { to?: string } => {
    const to = ownPath(search["to"]);
    return to === undefined ? {} : { to };
  },
  component: SignInPage,
});
