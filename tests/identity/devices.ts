/** A device that signs in (RFC 8628), and the person who decides. */
import { type Answer, Client, type Json } from "../support/client.ts";
import { ok } from "../support/expect.ts";
import { browser, ofConsole } from "./sessions.ts";

/** The public client of `invoked login`, and those of C1's tools. */
export const INVOKED = "invoked-cli";
export const CONE = "2RGdOS94VDferT9e80mdgntl36K";

export const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/** Asks for a sign-in. */
export function ask(
  url: string,
  form: Readonly<Record<string, string>> = { client_id: INVOKED },
): Promise<Answer<Json>> {
  return browser(url).form("/auth/v1/device_authorization", form);
}

/** One request for the token. */
export function poll(
  url: string,
  device_code: string,
  client_id = INVOKED,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer<Json>> {
  const form = { grant_type: DEVICE_GRANT, client_id, device_code };
  return browser(url).form("/auth/v1/token", form, headers);
}

/** A request of the page on which a person decides. */
export function decide(
  url: string,
  action: "find" | "approve" | "deny",
  userCode: string,
  cookie: string,
  headers: Readonly<Record<string, string>> = ofConsole(url),
): Promise<Answer<Json>> {
  const withCookie = cookie === "" ? headers : { ...headers, cookie };
  return browser(url).post(`/auth/v1/device/${action}`, { userCode }, withCookie);
}

/** The token of a device that the person of a session approves. */
export async function approvedDevice(url: string, cookie: string, scope = ""): Promise<Client> {
  const begun = ok(await ask(url, { client_id: INVOKED, scope }));
  ok(await decide(url, "approve", begun.user_code, cookie));
  return new Client(url, ok(await poll(url, begun.device_code)).access_token);
}
