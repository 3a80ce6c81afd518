/** A browser over HTTP: it keeps cookies and follows redirects of a sign-in with the provider. */
import type { TestProvider } from "../support/oidc_provider.ts";

export const LOGIN = "/auth/v1/oidc/login";

/** More than any sign-in has; browsers follow about as many. */
const REDIRECTS_MAX = 20;
const CALLBACK = "/auth/v1/oidc/callback";

interface Cookie {
  readonly value: string;
  readonly attributes: string;
  readonly host?: string;
}

/** How a browser comes to a URL. */
interface Visit {
  readonly method?: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** As browsers send it in `Sec-Fetch-Site`; cookies of `SameSite=Strict` stay away from other sites. */
  readonly site?: "none" | "same-origin" | "cross-site";
}

/** A response whose body was read. */
export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Where it redirects to. */
  readonly location: string;
}

export class Visitor {
  /** By name. A cookie without a host belongs to that of the server. */
  readonly cookies = new Map<string, Cookie>();

  /** @param publicUrl what the browser calls the server; a proxy that replaces `Host` sends its requests to `url` */
  constructor(readonly url: string, private readonly publicUrl = url) {}

  /** Visits a URL of the server, or a whole one, without following redirects. Cookies belong to hosts, whatever the port. */
  async visit(
    path: string,
    { method = "GET", form, headers, site = "none" }: Visit = {},
  ): Promise<Page> {
    const own = new URL(this.publicUrl);
    const seen = new URL(path, own);
    const cookie = [...this.cookies]
      .filter(([, { attributes, host = own.hostname }]) =>
        host === seen.hostname && (site !== "cross-site" || !attributes.includes("SameSite=Strict"))
      )
      .map(([name, { value }]) => `${name}=${value}`).join("; ");
    const isOwn = seen.origin === own.origin;
    const response = await fetch(isOwn ? new URL(seen.pathname + seen.search, this.url) : seen, {
      method,
      redirect: "manual",
      headers: { cookie, accept: "text/html", "sec-fetch-site": site, ...headers },
      body: form === undefined ? null : new URLSearchParams(form),
    });
    for (const set of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = set.split("; ");
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      if (value === "") this.cookies.delete(name);
      else {
        const { hostname: host } = seen;
        this.cookies.set(name, { value, attributes: attributes.join("; "), host });
      }
    }
    const { status, headers: received } = response;
    const text = await response.text();
    return { status, headers: received, text, location: received.get("location") ?? "" };
  }

  /** The pair of a cookie in a header `Cookie`. */
  cookie(name: "invoked_session" | "invoked_sign_in"): string {
    return `${name}=${this.cookies.get(name)?.value ?? ""}`;
  }

  /**
   * Begins to sign in and answers the forms of the provider.
   * @returns the URL to which the provider sends the browser
   */
  async toCallback(
    provider: TestProvider,
    login: string,
    { query = "", site = "same-origin" }: { query?: string; site?: Visit["site"] } = {},
  ): Promise<string> {
    let page = await this.visit(LOGIN + query, { site });
    if (page.status !== 303) throw new Error(`${page.status}: ${page.text}`);
    let redirects = 0;
    for (let at = page.location; new URL(at).pathname !== CALLBACK;) {
      if (++redirects > REDIRECTS_MAX) throw new Error(`too many redirects, at last to ${at}`);
      page = await this.visit(at);
      const [, action] = /<form[^>]* action="([^"]+)"/.exec(page.text) ?? [];
      const [, prompt] = /name="prompt" value="(\w+)"/.exec(page.text) ?? [];
      if (page.location === "" && action !== undefined && prompt !== undefined) {
        const form = { prompt, login, password: "any" };
        page = await this.visit(new URL(action, provider.issuer).href, { method: "POST", form });
      }
      if (page.location === "") throw new Error(`${page.status}: ${page.text}`);
      at = new URL(page.location, provider.issuer).href;
    }
    return new URL(page.location, provider.issuer).href;
  }

  /** Comes back from the provider. */
  async comeBack(callback: string): Promise<Page> {
    return await this.visit(callback, { site: "cross-site" });
  }

  /** Signs in as a person whom the provider knows. */
  async signIn(
    provider: TestProvider,
    login: string,
    options: { query?: string; site?: Visit["site"] } = {},
  ): Promise<Page> {
    return await this.comeBack(await this.toCallback(provider, login, options));
  }

  /** Requests of a page of the console. */
  async get(path: string) {
    const page = await this.visit(path, {
      site: "same-origin",
      headers: { accept: "application/json" },
    });
    return { status: page.status, headers: page.headers, body: JSON.parse(page.text) };
  }
}
