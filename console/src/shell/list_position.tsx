/** Where the reader is, and was in a list. A reader who comes back finds the same filter, rows and scroll position. */
import { Link, type ParsedLocation, useRouter } from "@tanstack/react-router";
import { type ReactNode, useCallback, useEffect } from "react";
import { holdInTab, readHeld } from "../browser/stored.ts";

type List = "/functions" | "/invocations" | "/volumes";

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** The visit to a list that this entry continues; without it the entry is a visit of its own. */
    readonly visit?: string;
  }
}

/** The visit of an entry of the browser's history: going back to the entry continues it, another link begins a new one. */
export function visitOf({ state, href }: Pick<ParsedLocation, "state" | "href">): string {
  return state.visit ?? state.__TSR_key ?? href;
}

/** Before a list is shown: names its visit. It changes together with the search of the page. */
export function withVisit(
  { location }: { readonly location: ParsedLocation },
): { readonly visit: string } {
  return { visit: visitOf(location) };
}

interface ListPosition {
  readonly search: Readonly<Record<string, unknown>>;
  readonly visit: string;
}

/** Remembers the last position in a list, for {@link BackToList}. */
export function useLastPosition(list: List, search: object, visit: string): void {
  const written = JSON.stringify({ search, visit });
  useEffect(() => {
    holdInTab(`position.${list}`, JSON.parse(written));
  }, [list, written]);
}

/** Leads to the last position in a list; to its begin for who has not been there. */
export function BackToList(
  { to, children }: { readonly to: List; readonly children: ReactNode },
) {
  const position = readHeld<ListPosition>(`position.${to}`);
  if (position === undefined) return <Link to={to}>{children}</Link>;
  return (
    <Link
      to={to}
      search={position.search}
      state={{ visit: position.visit }}
    >
      {children}
    </Link>
  );
}

/**
 * Answers, where some work begins, a question for its end: whether the reader is still on the same page, and not on the way
 * to another. A page that the reader chose meanwhile wins over the page that the work would lead to.
 */
export function useStillHere(): () => () => boolean {
  const router = useRouter();
  return useCallback(() => {
    const { pathname } = router.latestLocation;
    return () => router.latestLocation.pathname === pathname;
  }, [router]);
}
