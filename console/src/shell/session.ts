/** The session of this browser. */
import { type QueryClient, queryOptions, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { call, onSessionExpired, type Schemas } from "../api/client.ts";
import { keys } from "../api/queries.ts";
import { announceSession, onAnnounced } from "../browser/tabs.ts";
import { toastError } from "../parts/toasts.tsx";
import { isSameRights, readRights, rightsQuery } from "./rights.ts";

/** Who is signed in in this browser; without members if nobody is. */
type SignedIn = Schemas["invoked.SignedIn"];

function readSession(signal?: AbortSignal): Promise<SignedIn> {
  return call("GET /auth/v1/session", { signal });
}

/** The session of the page. `useSession` alone replaces it: its reader may be another one, whose page begins anew. */
export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: ({ signal }) => readSession(signal),
  staleTime: "static",
  retry: false,
});

/** Redeems the code of a one-time link. */
export async function signIn(code: string): Promise<SignedIn> {
  return await call("POST /auth/v1/session", { body: { code } });
}

/** The code in what somebody pasted: a whole link, its fragment, or the code alone. */
export function codeOf(pasted: string): string {
  const text = pasted.trim();
  return /[#&]code=([^&\s]+)/.exec(text)?.[1] ?? text;
}

/**
 * The session of an open page: `valid`, until the server does not know it; then `asking` for a new one, and `ended` once the
 * reader closes the question. Both become `valid` as a reader signs in here, or in another tab.
 */
type SessionMode = "valid" | "asking" | "ended";

export interface PageSession {
  readonly mode: SessionMode;
  /** Differs for each reader that the page has had: what is drawn for one of them must not stay for the next. */
  readonly reader: number;
  /**
   * Asks the server who is signed in. A page whose reader has a new session keeps what was typed, and reads its data again;
   * for another reader it begins anew. Answers whether somebody is signed in; undefined if the server does not answer that.
   */
  readonly check: () => Promise<boolean | undefined>;
  readonly close: () => void;
}

/** @param onSignedOut shows the sign-in after a reader signed out in another tab */
export function useSession(onSignedOut: () => void): PageSession {
  const queries = useQueryClient();
  const [mode, setMode] = useState<SessionMode>("valid");
  const [reader, setReader] = useState(0);
  const [sessionId, setSessionId] = useState(() => currentOf(queries)?.id);

  const check = useCallback(async () => {
    try {
      const session = await readSession();
      if (session.principal === undefined) {
        setMode((before) => before === "valid" ? "asking" : before);
        return false;
      }
      if (!await adopt(queries, session)) setReader((before) => before + 1);
      setSessionId(session.id);
      setMode("valid");
      return true;
    } catch {
      return undefined;
    }
  }, [queries]);

  // A request that was sent before the reader signed in may be rejected after, so the server is asked first.
  useEffect(
    () => onSessionExpired(() => void check().then((is) => is === false && setMode("asking"))),
    [check],
  );
  useEffect(() => {
    const look = () => void check();
    // The browser may show a page from its memory again, as it was left.
    const events = ["focus", "pageshow"];
    for (const event of events) addEventListener(event, look);
    return () => events.forEach((event) => removeEventListener(event, look));
  }, [check]);
  useEffect(() => {
    if (sessionId !== undefined) announceSession({ id: sessionId });
    return onAnnounced(({ id }) => {
      if (id === "") onSignedOut();
      else if (id !== sessionId) void check();
    });
  }, [sessionId, check, onSignedOut]);
  return { mode, reader, check, close: () => setMode("ended") };
}

function currentOf(queries: QueryClient): SignedIn | undefined {
  return queries.getQueryData(sessionQuery.queryKey);
}

/**
 * Makes a session that of the page. Answers whether its reader is the one before, by principal and rights; if not, the page
 * forgets all data. Throws `ApiError` if the rights cannot be read; the page is then as before.
 */
async function adopt(queries: QueryClient, session: SignedIn): Promise<boolean> {
  const rights = currentOf(queries)?.id === session.id ? undefined : await readRights();
  // Meanwhile another check may have adopted the session.
  const before = currentOf(queries);
  if (rights === undefined || before?.id === session.id) {
    queries.setQueryData(sessionQuery.queryKey, session);
    return true;
  }
  const isSame = before?.principal?.id === session.principal?.id &&
    isSameRights(queries.getQueryData(rightsQuery.queryKey), rights);
  // Requests that are on their way then fill what nothing shows.
  if (!isSame) queries.clear();
  queries.setQueryData(sessionQuery.queryKey, session);
  queries.setQueryData(rightsQuery.queryKey, rights);
  if (isSame) void queries.invalidateQueries();
  return isSame;
}

/** Ends the session of this browser, and that at the OpenID Connect provider, and shows the sign-in. */
export async function leave(): Promise<void> {
  try {
    const { endSessionUrl } = await call("DELETE /auth/v1/session", {});
    announceSession({ id: "" });
    // A new page, so that nothing of the session stays in memory.
    globalThis.location.assign(endSessionUrl ?? "/sign-in");
  } catch (error) {
    toastError("Could not sign out", error);
  }
}

/** Where the browser signs in with the OpenID Connect provider, and comes back to a page. */
export function providerUrl(path: string, returnTo: string): string {
  return `${path}?${new URLSearchParams({ return_to: returnTo })}`;
}
