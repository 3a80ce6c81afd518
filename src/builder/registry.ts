/**
 * The connection from one run of the compiler to the package registry: a proxy on a unix socket, the only socket to
 * which the process can connect. It fetches from the registry's own origin alone, whatever the metadata of a package or
 * a redirect says, and does TLS itself.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { getCACertificates } from "node:tls";
import { getLogger } from "@logtape/logtape";
import { formatBytes } from "../config/mod.ts";
import { type SocketDir, UnixConnection, UnixListener } from "../isolation/mod.ts";

const logger = getLogger(["invoked", "builder"]);

/** The registry unless the operator names another. */
const DEFAULT_REGISTRY = "https://registry.npmjs.org/";

/** Headers of the compiler's request that the registry gets. */
const REQUEST_HEADERS = ["accept", "authorization", "if-none-match", "user-agent"] as const;
/** Headers of the response that the compiler gets. The proxy decodes the body, so its length and coding change. */
const RESPONSE_HEADERS = ["cache-control", "content-type", "etag", "location"] as const;

/** The package registry. */
export interface Registry {
  readonly url: string;
  /** Trusts the certificates of the system and of Deno, and uses the proxy of the server's environment. */
  readonly client: Deno.HttpClient;
}

/** The URL of the registry that `env` names. */
export function registryOf(env: Readonly<Record<string, string>>): string {
  return env.NPM_CONFIG_REGISTRY ?? env.npm_config_registry ?? DEFAULT_REGISTRY;
}

/** The registry at this URL. */
export function openRegistry(url: string): Registry {
  return { url, client: Deno.createHttpClient({ caCerts: getCACertificates("system") }) };
}

/** Why a download was denied. */
export interface RegistryError {
  /** For the author of the commit. */
  readonly message: string;
  /** Whether the downloads reached their limit of bytes. */
  readonly isLimit: boolean;
}

/** One run's connection to the registry; disposing it ends every download. */
export class RegistryProxy implements Disposable {
  readonly #server = createServer((request, outgoing) => void this.#pass(request, outgoing));
  readonly #listener: UnixListener;
  readonly #connections = new Set<Duplex>();
  readonly #ended = new AbortController();
  readonly socketPath: string;
  #bytes = 0;
  /** Undefined without a denied download. */
  error: RegistryError | undefined;
  /** Whether the registry could not be reached, or failed. */
  hasFailed = false;

  /** @param maxBytes of all downloads of the run */
  constructor(
    private readonly registry: Registry,
    sockets: SocketDir,
    private readonly maxBytes: number,
  ) {
    this.socketPath = sockets.newSocket();
    this.#listener = new UnixListener(
      this.socketPath,
      (accepted) => {
        const connection = new UnixConnection(accepted);
        this.#connections.add(connection);
        connection.on("close", () => this.#connections.delete(connection));
        connection.on("error", () => connection.destroy());
        this.#server.emit("connection", connection);
      },
      (error) => logger.error("the registry proxy failed: {error}", { error }),
    );
    sockets.share(this.socketPath);
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    this.#listener[Symbol.dispose]();
    for (const connection of this.#connections) connection.destroy();
  }

  async #pass(request: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const gone = new AbortController();
    outgoing.on("close", () => gone.abort());
    const url = this.#allowed(request);
    if (url === undefined) return void outgoing.writeHead(403).end();
    try {
      const response = await fetch(url, {
        headers: picked(request.headers, REQUEST_HEADERS),
        redirect: "manual",
        client: this.registry.client,
        signal: AbortSignal.any([gone.signal, this.#ended.signal]),
      });
      if (!response.ok && response.status !== 304 && response.status !== 404) {
        this.hasFailed = true;
      }
      outgoing.writeHead(
        response.status,
        picked(Object.fromEntries(response.headers), RESPONSE_HEADERS),
      );
      const counted = (response.body ?? new Blob().stream()).pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => controller.enqueue(this.#count(chunk)),
        }),
      );
      await pipeline(counted, outgoing);
    } catch {
      this.hasFailed = true;
      // The compiler reports the broken connection as a failed download.
      outgoing.destroy();
    }
  }

  /** @throws {Error} beyond the limit of bytes */
  #count(chunk: Uint8Array): Uint8Array {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.maxBytes) return chunk;
    this.error ??= {
      message: `the build downloads ${formatBytes(this.#bytes)} or more, over its limit of ` +
        `${formatBytes(this.maxBytes)} (--max-download)`,
      isLimit: true,
    };
    throw new Error(this.error.message);
  }

  #allowed({ method, url = "" }: IncomingMessage): URL | undefined {
    const target = URL.parse(url);
    const { origin } = new URL(this.registry.url);
    if (method === "GET" && target?.origin === origin) return target;
    this.error ??= {
      message: `a package would be downloaded from ${target?.origin ?? "an invalid URL"}, ` +
        "which is not the package registry",
      isLimit: false,
    };
    return undefined;
  }
}

function picked(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = headers[name];
    return typeof value === "string" ? [[name, value]] : [];
  }));
}
