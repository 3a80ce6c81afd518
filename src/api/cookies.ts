/** What operations see of browsers: their cookies. */

export type ReplyHeaders = Readonly<Record<string, string>>;

/** The cookie of a session of the console, as the transport has it. */
export interface SessionCookie {
  /** Undefined without the cookie. */
  readonly token: string | undefined;
  /** Headers of an answer that set the cookie. */
  set(token: string, lifetimeMs: number): ReplyHeaders;
  /** Headers of an answer that remove the cookie. */
  clear(): ReplyHeaders;
}

/** A browser on its way to the provider that people sign in with, or back. Any page or person may have sent it. */
export interface BrowserRequest {
  /** Origin that the browser sees. */
  readonly origin: string;
  /** Of its session; without a token unless a page of the server itself sent the browser. */
  readonly session: SessionCookie;
  /** Of its sign-in that has not ended. */
  readonly transaction: SessionCookie;
  readonly userAgent: string | undefined;
  /** As the browser sent it. */
  readonly query: URLSearchParams;
}
