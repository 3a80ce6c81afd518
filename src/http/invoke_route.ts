/**
 * The short route of the operation `Invoke`: on Node's server, without Hono. It takes the usual form of a request and leaves
 * every other form to the app. Both routes call the same functions for every rule; `tests/http_hardening/invoke_routes_test.ts`
 * compares their answers.
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { getLogger } from "@logtape/logtape";
import { callOperation, type OperationRequest } from "../api/call.ts";
import { invoke } from "../api/invocations/invoke.ts";
import type { Services } from "../api/services.ts";
import type { OwnHosts } from "../domain/triggers/addresses.ts";
import { authenticated, SessionCookies } from "./authentication.ts";
import { type BodyLimits, closeAfter } from "./body.ts";
import { type Challenge, CLIENT_GONE, errorAnswer } from "./errors.ts";
import { guardingHeaders, type PublicOrigins } from "./middleware.ts";
import { JSON_HEADERS, jsonBody, jsonOfRequest } from "./operations.ts";
import { recordRejected } from "./rejected_credentials.ts";
import { type RequestContext, transportOf } from "./request_context.ts";
import type { LoggedRequest, RequestLog } from "./request_log.ts";

const logger = getLogger(["invoked", "http"]);

/** Other forms of the path, such as one with a query or percent-encoding, are left to the app. */
const PATH = /^\/api\/v1\/functions\/([A-Za-z0-9]{1,64})\/invoke$/;
/** In the form of {@link PATH}. */
const SOME_PATH = invoke.path.replace("{function_id}", "0");
/** The declared headers, and their names as Node has them. */
const HEADERS = Object.keys(invoke.headers?.shape ?? {}).map((name) =>
  [name, name.toLowerCase()] as const
);
const HOST = /^([^:/?#@\\]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
/** Hosts whose form is known. A client could send any number of them. */
const HOSTS_MAX = 100;

interface InvokeRouteOptions {
  readonly bodies: BodyLimits;
  readonly hsts: boolean;
  readonly corsOrigins: readonly string[] | undefined;
  readonly publicOrigin: PublicOrigins;
  readonly ownHosts: OwnHosts | undefined;
  readonly challenge: Challenge;
  readonly log: RequestLog;
}

/** What is sent. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Serves requests of the operation `Invoke` in their usual form. */
export class InvokeRoute {
  readonly #cookies: SessionCookies;
  /** Of every answer. */
  readonly #headers: Readonly<Record<string, string>>;
  readonly #hosts = new Map<string, boolean>();

  constructor(private readonly services: Services, private readonly options: InvokeRouteOptions) {
    this.#cookies = new SessionCookies(options.publicOrigin);
    this.#headers = {
      ...guardingHeaders(SOME_PATH, options.hsts),
      // As the middleware of CORS answers requests without an origin.
      ...options.corsOrigins === undefined ? {} : { "Vary": "Origin" },
    };
  }

  /** Answers the request if it has the usual form; false leaves the request to the app. */
  serve(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
    const { method, url = "", headers } = incoming;
    if (method !== "POST") return false;
    const [, functionId] = PATH.exec(url) ?? [];
    if (functionId === undefined || !this.#isUsualHost(incoming)) return false;
    if (this.options.corsOrigins !== undefined && headers.origin !== undefined) return false;
    this.#serve(functionId, url, incoming, outgoing).catch((error) => {
      logger.error("Failed to send an answer: {error}", { error });
      outgoing.destroy();
    });
    return true;
  }

  /** Whether the host is one that the app accepts, and not that of an endpoint. */
  #isUsualHost(incoming: IncomingMessage): boolean {
    const { ownHosts, publicOrigin } = this.options;
    const { host = "" } = incoming.headers;
    let isUsual = this.#hosts.get(host);
    if (isUsual === undefined) {
      const [, name] = HOST.exec(host) ?? [];
      isUsual = name !== undefined &&
        URL.parse(`http://${host}`)?.hostname === name.toLowerCase();
      if (this.#hosts.size === HOSTS_MAX) this.#hosts.clear();
      this.#hosts.set(host, isUsual);
    }
    if (!isUsual || ownHosts === undefined) return isUsual;
    // Of a proxy, another header may say it.
    const seen = publicOrigin.hostOf(incoming);
    return seen === undefined || ownHosts(seen) === undefined;
  }

  async #serve(
    functionId: string,
    path: string,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    const { log } = this.options;
    const request = log.begin(incoming, path);
    const begun: { invocationId: string | undefined } = { invocationId: undefined };
    const { status, headers, body } = await log.within(
      request,
      () =>
        this.services.reading(() =>
          this.#answer(functionId, { request, incoming, outgoing, begun })
        ),
    );
    if (!outgoing.headersSent) closeAfter(incoming, outgoing);
    log.end(request, { route: invoke.path, status, invocationId: begun.invocationId });
    outgoing.writeHead(status, {
      "Request-Id": request.named.requestId,
      ...this.#headers,
      ...headers,
      "Content-Length": typeof body === "string" ? Buffer.byteLength(body) : body.length,
    });
    outgoing.end(body);
  }

  async #answer(
    functionId: string,
    { request, incoming, outgoing, begun }: {
      readonly request: LoggedRequest;
      readonly incoming: IncomingMessage;
      readonly outgoing: ServerResponse;
      readonly begun: { invocationId: string | undefined };
    },
  ): Promise<Answer> {
    const { path, clientAddress, named: { requestId } } = request;
    const context: RequestContext = { incoming, outgoing, path, requestId, clientAddress };
    let isAuthenticated = false;
    try {
      const { principal, check } = await authenticated(context, this.services, this.#cookies);
      isAuthenticated = true;
      const call: OperationRequest = {
        principal,
        sessionCookie: undefined,
        browser: undefined,
        checkCredential: check,
        params: { function_id: functionId },
        query: {},
        headers: declaredHeaders(incoming),
        readBody: () => jsonOfRequest(incoming, this.options.bodies),
        signal: () => closeSignal(outgoing),
        onInvocation: (id) => begun.invocationId = id,
        ...transportOf(context),
      };
      const { body, status, headers } = await callOperation(invoke, call, this.services);
      if (body.kind !== "json") throw new Error(`Invoke answers ${body.kind} instead of JSON`);
      const text = await jsonBody(body.value, outgoing);
      if (text === undefined) return { status: CLIENT_GONE, headers: {}, body: "" };
      return { status, headers: { ...JSON_HEADERS, ...headers }, body: text };
    } catch (error) {
      return await this.#failed(error, context, isAuthenticated);
    }
  }

  async #failed(
    thrown: unknown,
    context: RequestContext,
    isAuthenticated: boolean,
  ): Promise<Answer> {
    let error = thrown;
    try {
      await recordRejected(error, context, isAuthenticated, this.services);
    } catch (failure) {
      error = failure;
    }
    const { challenge } = this.options;
    const { status, headers, body } = errorAnswer(error as Error, context, challenge);
    if (body === undefined) return { status, headers, body: "" };
    return { status, headers: { ...JSON_HEADERS, ...headers }, body: JSON.stringify(body) };
  }
}

/** The declared headers that the request has. */
function declaredHeaders({ headers }: IncomingMessage): Record<string, string> {
  const declared: Record<string, string> = {};
  for (const [name, key] of HEADERS) {
    const value = headers[key];
    if (typeof value === "string") declared[name] = value;
  }
  return declared;
}

/** Aborts when the connection closes before the answer was sent. */
function closeSignal(outgoing: ServerResponse): AbortSignal {
  const gone = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  if (outgoing.destroyed) gone.abort();
  return gone.signal;
}
