/** The session of this browser. */
import { type QueryClient, queryOptions, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { call, onSessionExpired, type Schemas } from "../api/client.ts";
import { keys } from "../api/queries.ts";
import { loadAnew } from "../browser/load_anew.ts";
import { keepFor } from "../browser/stored.ts";
import { announceSession, onAnnounced } from "../browser/tabs.ts";
import { toastError } from "../parts/toasts.tsx";
import { isSameRights, readRights, rightsQuery } from "./rights.ts";

/** Who is signed in in this browser; without members if nobody is. */
type SignedIn = Schemas["invoked.SignedIn"];

function readSession(signal?: AbortSignal): Promise<SignedIn> {
  return call("GET /auth/v1/session", { signal });
}

/** The session of the page. `useSession` alone replaces it, by one of the same reader. */
export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: ({ signal }) => readSession(signal),
  staleTime: "static",
  retry: false,
});

/** Reads the session of the page that opens, whose texts the browser keeps for its reader from now on. */
export async function openSession(queries: QueryClient): Promise<SignedIn> {
  const session = await queries.ensureQueryData(sessionQuery);
  const id = session.principal?.id;
  return id === undefined || keepFor(id) ? session : await loadAnew(globalThis.location.href);
}

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
  /**
   * The address to load once the reader of the page is no longer here: to load a page anew ends its data,
   * texts, messages and requests, so no code has to find each of them.
   */
  readonly next: string | undefined;
  /**
   * Asks the server who is signed in. A page whose reader has a new session keeps what was typed, and reads its data again;
   * for another reader it loads anew. Answers whether somebody is signed in; undefined if the server does not answer
   * that, or a later check asks again.
   */
  readonly check: () => Promise<boolean | undefined>;
  readonly close: () => void;
}

export function useSession(): PageSession {
  const queries = useQueryClient();
  const [mode, setMode] = useState<SessionMode>("valid");
  const [next, setNext] = useState<string>();
  const [sessionId, setSessionId] = useState(() => currentOf(queries)?.id);
  const running = useRef<AbortController>(undefined);

  const check = useCallback(async () => {
    // Only the last check counts: the answer to an earlier one may be of a session that the browser no longer has.
    running.current?.abort();
    const { signal } = running.current = new AbortController();
    try {
      const session = await readSession(signal);
      signal.throwIfAborted();
      if (session.principal === undefined) {
        setMode((before) => before === "valid" ? "asking" : before);
        return false;
      }
      if (await adopt(queries, session, signal)) {
        setSessionId(session.id);
        setMode("valid");
      } else setNext(globalThis.location.href);
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
      if (id === "") setNext(signInAddress());
      else if (id !== sessionId) void check();
    });
  }, [sessionId, check]);
  return { mode, next, check, close: () => setMode("ended") };
}

/** The address of a sign-in that returns to this page. */
function signInAddress(): string {
  const { pathname, search, hash } = globalThis.location;
  return `/sign-in?${new URLSearchParams({ to: pathname + search + hash })}`;
}

function currentOf(queries: QueryClient): SignedIn | undefined {
  return queries.getQueryData(sessionQuery.queryKey);
}

/**
 * Makes a session that of the page if its reader is the one before, by principal and rights. Answers false for another
 * reader, and changes nothing. Throws `ApiError` if the rights cannot be read, and the reason of an aborted signal.
 */
async function adopt(
  queries: QueryClient,
  session: SignedIn,
  signal: AbortSignal,
): Promise<boolean> {
  const before = currentOf(queries);
  if (before?.id === session.id) {
    queries.setQueryData(sessionQuery.queryKey, session);
    return true;
  }
  const rights = await readRights(signal);
  signal.throwIfAborted();
  const isSame = before?.principal?.id === session.principal?.id &&
    isSameRights(queries.getQueryData(rightsQuery.queryKey), rights);
  if (!isSame) return false;
  queries.setQueryData(sessionQuery.queryKey, session);
  queries.setQueryData(rightsQuery.queryKey, rights);
  void queries.invalidateQueries();
  return true;
}

/** Ends the session of this browser, and that at the OpenID Connect provider, and shows the sign-in. */
export async function leave(): Promise<void> {
  try {
    const { endSessionUrl } = await call("DELETE /auth/v1/session", {});
    announceSession({ id: "" });
    await loadAnew(endSessionUrl ?? "/sign-in");
  } catch (error) {
    toastError("Could not sign out", error);
  }
}

/** Where the browser signs in with the OpenID Connect provider, and comes back to a page. */
export function providerUrl(path: string, returnTo: string): string {
  return `${path}?${new URLSearchParams({ return_to: returnTo })}`;
}
