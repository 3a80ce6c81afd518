import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { onSessionExpired } from "../api/client.ts";
import { isSignedIn } from "../api/session.ts";

/**
 * The session of an open page: `valid`, until the server does not know it; then `asking` for a new one, and `ended` once the
 * reader closes the question. Both become `valid` as the reader signs in here, or returns from another tab that did.
 */
type SessionMode = "valid" | "asking" | "ended";

interface PageSession {
  readonly mode: SessionMode;
  /** Goes on with a new session. */
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
