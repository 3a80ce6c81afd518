import { createRoute, redirect } from "@tanstack/react-router";
import { sessionQuery, signIn } from "../../api/session.ts";
import { readStored } from "../../browser/stored.ts";
import { queries } from "../../shell/queries.ts";
import { rootRoute } from "../../shell/root.tsx";
import { SignInPage } from "./sign_in_page.tsx";

/** Where the reader wanted to go; a path of this server only, or a link could lead elsewhere. */
function ownPath(value: unknown): string | undefined {
  return typeof value === "string" && /^\/(?![/\\])/.test(value) ? value : undefined;
}

export const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: (
    search: Record<string, unknown>,
  ): { to?: string; error?: string } => {
    const to = ownPath(search["to"]);
    return {
      ...(to === undefined ? {} : { to }),
      ...(typeof search["error"] === "string" ? { error: search["error"] } : {}),
    };
  },
  beforeLoad: async ({ location, search }) => {
    const code = /(?:^|[#&])code=([^&]+)/.exec(location.hash)?.[1];
    if (code === undefined) return;
    try {
      await signIn(code);
    } catch (error) {
      // Without the fragment: the code is used or wrong, and must not stay in the address.
      throw redirect({
        to: "/sign-in",
        search: {
          ...search,
          error: error instanceof Error ? error.message : String(error),
        },
        hash: "",
        replace: true,
      });
    }
    await queries.invalidateQueries({ queryKey: sessionQuery.queryKey });
    await queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
    throw redirect({ to: landing(search.to), replace: true });
  },
  component: SignInPage,
});

function landing(to: string | undefined): string {
  return to ?? (readStored("welcomed") === true ? "/" : "/welcome");
}
