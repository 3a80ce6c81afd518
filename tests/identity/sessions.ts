/** A browser that signs in to the console. */
import { type Answer, Client, type Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";

export const SESSION = "/auth/v1/session";
export const LINKS = "/auth/v1/session_links";
export const SESSIONS = "/auth/v1/sessions";
export const FUNCTIONS = "/api/v1/functions";

/** What the console's own requests have. */
export function ofConsole(url: string): Record<string, string> {
  return { origin: url, "x-invoked-console": "1", "sec-fetch-site": "same-origin" };
}

/** A browser without a session. */
export function browser(url: string): Client {
  return new Client(url, undefined);
}

export function codeIn(link: Json): string {
  return new URL(link.url).hash.replace("#code=", "");
}

export async function newCode(client: Client): Promise<string> {
  return codeIn(ok(await client.post(LINKS, {})));
}

export function redeem(url: string, code: string, headers = ofConsole(url)): Promise<Answer<Json>> {
  return browser(url).post(SESSION, { code }, headers);
}

export function cookieOf({ headers }: Answer<Json>): string {
  return headers.get("set-cookie")?.split(";")[0] ?? "";
}

/** The attributes of the cookie: its age, and the others in the order of the alphabet. */
export function attributesOf({ headers }: Answer<Json>) {
  const [, ...attributes] = headers.get("set-cookie")?.split("; ") ?? [];
  const isAge = (attribute: string) => attribute.startsWith("Max-Age=");
  return {
    ageSeconds: Number(attributes.find(isAge)?.replace("Max-Age=", "")),
    others: attributes.filter((attribute) => !isAge(attribute)).toSorted(),
  };
}

/** Signs a browser in; answers its cookie. */
export async function signIn(client: Client): Promise<string> {
  const answer = await redeem(client.url, await newCode(client));
  ok(answer);
  return cookieOf(answer);
}

export function get(
  url: string,
  path: string,
  cookie: string,
  headers: Record<string, string> = {},
) {
  return browser(url).get(path, { cookie, "sec-fetch-site": "same-origin", ...headers });
}
