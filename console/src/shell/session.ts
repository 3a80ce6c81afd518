/** The session of this browser. */
import { queryOptions, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { call, onSessionExpired, type Schemas } from "../api/client.ts";
import { keys } from "../api/queries.ts";
import { toastError } from "../parts/toasts.tsx";

/** Who is signed in in this browser; without members if nobody is. */
type SignedIn = Schemas["invoked.SignedIn"];

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: ({ signal }) => call("GET /auth/v1/session", { signal }),
  staleTime: 60_000,
  retry: false,
});

/** Whether somebody is signed in; undefined if the server does not answer that. */
export async function isSignedIn(): Promise<boolean | undefined> {
  const session = await call("GET /auth/v1/session", {}).catch(() => undefined);
  return session === undefined ? undefined : session.principal !== undefined;
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
 * reader closes the question. Both become `valid` as the reader signs in here, or returns from another tab that did.
 */
type SessionMode = "valid" | "asking" | "ended";

interface PageSession {
  readonly mode: SessionMode;
  /** Continues with a new session. */
  readonly renew: () => void;
  readonly close: () => void;
}

export function useSession(): PageSession {
  const [mode, setMode] = useState<SessionMode>("valid");
  const queries = useQueryClient();
  const renew = useCallback(() => {
    setMode("valid");
    void queries.invalidateQueries();
  }, [queries]);
  // A request that was sent before the reader signed in may be rejected after, so the server is asked first.
  useEffect(
    () => onSessionExpired(() => void isSignedIn().then((is) => is === false && setMode("asking"))),
    [],
  );
  const isValid = mode === "valid";
  useEffect(() => {
    if (isValid) return;
    const check = () => void isSignedIn().then((is) => is === true && renew());
    addEventListener("focus", check);
    return () => removeEventListener("focus", check);
  }, [isValid, renew]);
  return { mode, renew, close: () => setMode("ended") };
}

/** Ends the session of this browser, and that at the OpenID Connect provider, and shows the sign-in. */
export async function leave(): Promise<void> {
  try {
    const { endSessionUrl } = await call("DELETE /auth/v1/session", {});
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
