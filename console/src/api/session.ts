import { queryOptions } from "@tanstack/react-query";
import { fetchRaw } from "./client.ts";
import { keys } from "./keys.ts";

/** Who is signed in in this browser; without members if nobody is. */
export interface Session {
  readonly principal?: { readonly id?: string; readonly displayName?: string };
  readonly expiresAt?: string;
}

/** One session of the list. */
export interface SessionEntry {
  readonly id: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly lastUsedAt?: string;
  readonly userAgent?: string;
  readonly current?: boolean;
}

const PATH = "/auth/v1/session";

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: async ({ signal }) => await (await fetchRaw(PATH, { signal })).json() as Session,
  staleTime: 60_000,
  retry: false,
});

/** Redeems the code of a one-time link. */
export async function signIn(code: string): Promise<Session> {
  const response = await fetchRaw(PATH, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ code }),
  });
  return await response.json();
}

export async function signOut(): Promise<void> {
  await fetchRaw(PATH, { method: "DELETE" });
}

export async function listSessions(): Promise<readonly SessionEntry[]> {
  return (await (await fetchRaw("/auth/v1/sessions")).json()).list;
}

export async function revokeSession(id: string): Promise<void> {
  await fetchRaw(`/auth/v1/sessions/${encodeURIComponent(id)}`, {
    method: "DELETE",
  });
}

/** The code in what somebody pasted: a whole link, its fragment, or the code alone. */
export function codeOf(pasted: string): string {
  const text = pasted.trim();
  return /[#&]code=([^&\s]+)/.exec(text)?.[1] ?? text;
}
