import type { z } from "zod";
import { formatBytes, formatDuration } from "../../config/mod.ts";
import { gatherBytes } from "../../shared/gathered_bytes.ts";
import type { Method } from "../../resources/request.ts";
import { describeError, Failure } from "../terminal/failure.ts";
import { ApiError, parseJson } from "./api_error.ts";
import { Names } from "./names.ts";

/** Limit of a response in bytes; the largest is a commit with its files. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const MAX_TOKEN_RESPONSE_BYTES = 64 * 1024;
/** Limit of an ordinary response, in milliseconds. */
const RESPONSE_TIMEOUT_MS = 30_000;
/** Limit of a response that runs or builds code, in milliseconds; the server has its own limits. */
export const LONG_TIMEOUT_MS = 15 * 60_000;

const WRONG_SERVER = "check that this is the URL of an invoked server or of a C1 tenant";

type RequestHeaders = Readonly<Record<string, string>>;

export interface RequestOptions {
  readonly method?: Method;
  readonly headers?: RequestHeaders;
  readonly body?: string | Uint8Array | URLSearchParams | ReadableStream<Uint8Array> | undefined;
  /** Milliseconds; undefined for {@link RESPONSE_TIMEOUT_MS}. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A connection to one server, without credentials. */
export interface Transport {
  /** Origin, without a trailing slash. */
  readonly url: string;
  /** Whether it is a C1 tenant that the user named as such. */
  readonly isTenant: boolean;
  readonly client: Deno.HttpClient;
  /** Of what was found by name. */
  readonly names: Names;
}

/** Connects to a server. @param caCerts certificates in PEM that are trusted besides those of the system */
export function connectTo(
  serverUrl: string,
  caCerts: readonly string[],
  isTenant: boolean,
): Transport {
  const client = Deno.createHttpClient({ caCerts: [...caCerts] });
  return { url: serverUrl, isTenant, client, names: new Names() };
}

/**
 * Sends one request. It follows no redirect, so the request reaches this server alone.
 *
 * @param path below the URL of the server, or a URL of another server
 * @throws {Failure} with exit `server` without a response in time
 */
export async function request(
  { url: base, client, isTenant }: Transport,
  path: string,
  { method = "GET", headers = {}, body, timeoutMs = RESPONSE_TIMEOUT_MS, signal }: RequestOptions,
): Promise<Response> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const url = new URL(path, base);
  try {
    return await fetch(url, {
      method,
      headers: { ...headers },
      ...body === undefined ? {} : { body: body as BodyInit },
      redirect: "error",
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      client,
    });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new Unreachable({ url: url.origin, isTenant }, error, timeoutMs);
  }
}

/** The body as text, up to a limit. */
export async function readBody(
  transport: Transport,
  response: Response,
  limitBytes = MAX_RESPONSE_BYTES,
): Promise<string> {
  const tooLarge = new Failure(
    `Response of ${transport.url} too large: it has more than ${formatBytes(limitBytes)}`,
    { next: WRONG_SERVER, exit: "server" },
  );
  try {
    const bytes = await gatherBytes(response.body ?? [], limitBytes, () => tooLarge);
    return new TextDecoder().decode(bytes);
  } catch (error) {
    throw error === tooLarge ? error : new Unreachable(transport, error, RESPONSE_TIMEOUT_MS);
  }
}

/** The body of a response of the token endpoint. */
export function readTokenBody(transport: Transport, response: Response): Promise<string> {
  return readBody(transport, response, MAX_TOKEN_RESPONSE_BYTES);
}

/** Reads a successful response by its schema. @throws {ApiError} for an error response */
export async function readResponse<Schema extends z.ZodType>(
  transport: Transport,
  what: string,
  response: Response,
  schema: Schema,
): Promise<z.output<Schema>> {
  const body = await readBody(transport, response);
  if (!response.ok) throw ApiError.from(transport.names, what, response, body);
  const parsed = schema.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue === undefined ? "" : ` at ${issue.path.join(".") || "its top"}`;
  throw new Failure(
    `${what}: the response of ${transport.url} does not match the API${at}`,
    {
      next: WRONG_SERVER,
      exit: "server",
    },
  );
}

/** The failure of a command whose server did not respond, or not to the end. */
export class Unreachable extends Failure {
  constructor(peer: Peer, error: unknown, timeoutMs: number) {
    const what = `The ${peer.isTenant ? "tenant" : "server"} at ${peer.url}`;
    super(`${what} is not reachable: ${whyUnreached(error, timeoutMs)}`, {
      next: stepTo(peer),
      exit: "server",
    });
  }
}

type Peer = Pick<Transport, "url" | "isTenant">;

function stepTo({ url, isTenant }: Peer): string {
  if (isTenant) return "check the host of the tenant and the network";
  return isOnThisMachine(url)
    ? "start it with invoked serve, or name another with --server, --profile or INVOKED_SERVER_URL"
    : "check the URL and the network, or name another with --server, --profile or INVOKED_SERVER_URL";
}

function whyUnreached(error: unknown, timeoutMs: number): string {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return `no response within ${formatDuration(timeoutMs)}`;
  }
  // Deno names the request in front of the reason.
  return describeError(error).replace(/^.*client error \(\w+\): /, "");
}

/** Whether a URL names this machine. */
export function isOnThisMachine(url: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}
