import { queryOptions } from "@tanstack/react-query";
import { call } from "./client.ts";
import { keys } from "./keys.ts";
import type { Schemas } from "./types.ts";

/** Who is signed in in this browser; without members if nobody is. */
export type SignedIn = Schemas["invoked.SignedIn"];
/** A browser that is signed in. */
export type Session = Schemas["invoked.Session"];

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

export async function signOut(): Promise<void> {
  await call("DELETE /auth/v1/session", {});
}

/** The code in what somebody pasted: a whole link, its fragment, or the code alone. */
export function codeOf(pasted: string): string {
  const text = pasted.trim();
  return /[#&]code=([^&\s]+)/.exec(text)?.[1] ?? text;
}
