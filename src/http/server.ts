import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { App } from "./endpoint.ts";

/** Limits of the HTTP server, each a named setting in `src/config`. */
export interface ServerLimits {
  readonly maxHeaderBytes: number;
  readonly headerTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

/** How often slow connections are looked for. */
const CONNECTIONS_CHECK_INTERVAL_MS = 1000;

/** A listening server. */
export interface HttpServer {
  /** The port it listens on; the one that was asked for, unless that was 0. */
  readonly port: number;
  /** Starts answering with the app; until then requests wait. */
  serve(app: App): void;
  /** Stops listening; resolves when every answer is out. Idle connections are closed at once. */
  close(): Promise<void>;
  /** Cuts every connection. */
  cut(): void;
}

/**
 * Listens. Node's server and not Deno.serve: it bounds headers in size, and slow clients in time.
 * Rejects when the address cannot be had.
 */
export async function listen(
  host: string,
  port: number,
  limits: ServerLimits,
): Promise<HttpServer> {
  const app = Promise.withResolvers<App>();
  let fetch = async (request: Request) => (await app.promise).fetch(request);
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headerTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: CONNECTIONS_CHECK_INTERVAL_MS,
  }, getRequestListener((request) => fetch(request), { overrideGlobalObjects: false }));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    serve(ready) {
      fetch = (request) => Promise.resolve(ready.fetch(request));
      app.resolve(ready);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
    cut: () => server.closeAllConnections(),
  };
}
