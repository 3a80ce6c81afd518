import type { Context, Hono } from "hono";
import { callOperation, type OperationRequest } from "../api/call.ts";
import { type Operation, type Slashes, takesBytes } from "../api/operation.ts";
import type { Services } from "../api/services.ts";
import { invalid } from "../domain/errors.ts";
import { type BodyLimits, rawBody, readJson } from "./body.ts";
import type { Env } from "./env.ts";
import { toResponse } from "./response.ts";

/** What a path parameter matches, besides one segment, in Hono's syntax. */
const SLASHES: Readonly<Record<Slashes, string>> = {
  "commit-reference": "{(?:refs/tags/)?[^/]+}",
  any: "{[^]*}",
};

/** Serves the operations over HTTP. */
export function serveOperations(
  app: Hono<Env>,
  operations: readonly Operation[],
  services: Services,
  limits: BodyLimits,
): void {
  for (const operation of operations) {
    const { method, path, slashes = {} } = operation;
    app.on(method.toUpperCase(), routePath(path, slashes), async (c) => {
      const request = new HttpRequest(operation, c, limits);
      return await toResponse(await callOperation(operation, request, services), c);
    });
  }
}

/** `/a/{b}` in Hono's syntax: `/a/:b`. */
function routePath(path: string, slashes: Readonly<Record<string, Slashes>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const allowed = slashes[name];
    return `:${name}${allowed === undefined ? "" : SLASHES[allowed]}`;
  });
}

/** A class, because V8 makes and keeps a hidden class for each object literal that has a getter. */
class HttpRequest implements OperationRequest {
  readonly #c: Context<Env>;
  readonly principal: OperationRequest["principal"];
  readonly params: Record<string, string>;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly readBody: OperationRequest["readBody"];

  constructor(operation: Operation, c: Context<Env>, limits: BodyLimits) {
    checkEncoding(operation, c);
    this.#c = c;
    this.principal = c.get("principal");
    this.params = c.req.param();
    this.query = c.req.query();
    this.headers = declaredHeaders(operation, c);
    this.readBody = bodyReader(operation, c, limits);
  }

  /** Hono makes it at the first access. */
  get signal(): AbortSignal {
    return this.#c.req.raw.signal;
  }

  get sessionCookie(): OperationRequest["sessionCookie"] {
    return this.#c.get("sessionCookie");
  }

  get checkCredential(): OperationRequest["checkCredential"] {
    return this.#c.get("checkCredential") ?? (() => Promise.resolve());
  }

  get remoteAddress(): string | undefined {
    return this.#c.get("clientAddress");
  }
}

function bodyReader(
  operation: Operation,
  c: Context<Env>,
  limits: BodyLimits,
): OperationRequest["readBody"] {
  const { incoming } = c.env;
  if (takesBytes(operation)) return () => Promise.resolve(rawBody(incoming, c.req.raw, limits));
  return operation.method === "get" ? () => Promise.resolve({}) : () => readJson(incoming, limits);
}

function declaredHeaders({ headers }: Operation, c: Context<Env>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of Object.keys(headers?.shape ?? {})) {
    const value = c.req.header(name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/**
 * Hono leaves what it cannot decode as it is. In a path of any form two addresses would then lead to one file.
 * @throws INVALID_FIELD
 */
function checkEncoding({ slashes = {} }: Operation, c: Context<Env>): void {
  const field = Object.keys(slashes).find((name) => slashes[name] === "any");
  if (field === undefined) return;
  try {
    decodeURIComponent(new URL(c.req.url).pathname);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    const description = "must be UTF-8 in percent-encoding, with %25 for a percent sign";
    throw invalid({ field, description });
  }
}
