import { Buffer } from "node:buffer";
import type { z } from "zod";
import { formatDuration } from "../../config/mod.ts";
import { describeError, Failure } from "../terminal/failure.ts";
import { ApiError, parseJson } from "./api_error.ts";

/** Bytes of an answer that are read; the largest is a commit with its files. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_TOKEN_ANSWER_BYTES = 64 * 1024;
/** How long an ordinary answer may take. */
const ANSWER_TIMEOUT_MS = 30_000;
/** How long what runs or builds code may take; the server has limits of its own. */
export const LONG_TIMEOUT_MS = 15 * 60_000;

const WRONG_SERVER = "check that this is the URL of an invoked server or of a C1 tenant";

export type RequestHeaders = Readonly<Record<string, string>>;

export interface RequestOptions {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly headers?: RequestHeaders;
  readonly body?: string | Uint8Array | URLSearchParams | ReadableStream<Uint8Array>;
  /** Milliseconds; undefined for {@link ANSWER_TIMEOUT_MS}. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A connection to one server, without credentials. */
export interface Transport {
  /** Origin, without a trailing slash. */
  readonly url: string;
  readonly client: Deno.HttpClient;
}

/**
 * Sends one request. A redirect is refused: what is sent goes to this server and nowhere else.
 *
 * @throws {Failure} with exit `server` where there is no answer in time
 */
export async function request(
  { url: base, client }: Transport,
  path: string,
  { method = "GET", headers = {}, body, timeoutMs = ANSWER_TIMEOUT_MS, signal }: RequestOptions,
): Promise<Response> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    return await fetch(new URL(path, base), {
      method,
      headers: { ...headers },
      ...body === undefined ? {} : { body: body as BodyInit },
      redirect: "error",
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      client,
    });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw unreachable(base, error, timeoutMs);
  }
}

/** The body as text, up to a limit. */
export async function readBody(
  { url }: Transport,
  response: Response,
  limitBytes = MAX_ANSWER_BYTES,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > limitBytes) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw unreachable(url, error, ANSWER_TIMEOUT_MS);
  }
  if (length > limitBytes) {
    throw new Failure(`The answer of ${url} is larger than ${limitBytes} bytes`, {
      next: WRONG_SERVER,
      exit: "server",
    });
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The body of an answer of the token endpoint. */
export function readTokenBody(transport: Transport, response: Response): Promise<string> {
  return readBody(transport, response, MAX_TOKEN_ANSWER_BYTES);
}

/** Reads a successful answer by its schema. @throws {ApiError} for a refusal */
export async function readAnswer<Schema extends z.ZodType>(
  transport: Transport,
  what: string,
  response: Response,
  schema: Schema,
): Promise<z.output<Schema>> {
  const body = await readBody(transport, response);
  if (!response.ok) throw ApiError.from(what, response, body);
  const parsed = schema.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue === undefined ? "" : ` at ${issue.path.join(".") || "its top"}`;
  throw new Failure(
    `${what}: the answer of ${transport.url} is not what the API promises${place}`,
    {
      next: WRONG_SERVER,
      exit: "server",
    },
  );
}

/** What ends a connection before its time, as a failure. */
export function unreachable(url: string, error: unknown, timeoutMs: number): Failure {
  const why = error instanceof DOMException && error.name === "TimeoutError"
    ? `no answer within ${formatDuration(timeoutMs)}`
    : describeError(error);
  return new Failure(`Cannot reach the server at ${url}: ${why}`, {
    next: "start it with invoked serve, or name another with --server or CONDUCTORONE_SERVER_URL",
    exit: "server",
  });
}
