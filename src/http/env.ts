import type { HttpBindings } from "@hono/node-server";
import type { BrowserRequest, SessionCookie } from "../api/cookies.ts";
import type { Principal } from "../domain/identity/mod.ts";

/** What middleware leaves on a request's context. */
export interface Env {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    /** Template of the path, if it is not that of the operation. */
    route: string | undefined;
    clientAddress: string | undefined;
    /** The invocation that the request has begun. */
    invocationId: string | undefined;
    /** Undefined outside of `/api`: only requests below it are authenticated. */
    principal: Principal | undefined;
    /** Checks the credential of the request again; undefined as `principal`. */
    checkCredential: (() => Promise<Principal>) | undefined;
    /** Of requests that must come from the console. */
    sessionCookie: SessionCookie | undefined;
    /** Of requests of browsers that sign in with the provider. */
    browser: BrowserRequest | undefined;
  };
}
