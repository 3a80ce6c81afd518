import createClient from "openapi-fetch";
import type { components, paths } from "../../../src/resources/schema.d.ts";

/** The API of the server that served this page. The header distinguishes it from forms of other pages. */
export const api = createClient<paths>({
  baseUrl: globalThis.location.origin,
  headers: { "X-Invoked-Console": "1" },
  credentials: "same-origin",
});

/** Headers of requests that do not go through `api`: files of volumes, uploads. */
const CONSOLE_HEADERS: Readonly<Record<string, string>> = {
  "X-Invoked-Console": "1",
};

/** A fault of one field of a request, by its path in the body. */
interface FieldFault {
  readonly field: string;
  readonly description: string;
}

/** What the API rejected, or why it could not be reached (status 0). */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    /** Stable, such as `COMMIT_NOT_FOUND`; empty if the answer had none. */
    readonly reason: string,
    message: string,
    readonly fields: readonly FieldFault[] = [],
  ) {
    super(message);
  }
}

type Status = components["schemas"]["google.rpc.Status"];

interface Answer<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

const expired = new Set<() => void>();

/** Calls `listener` whenever the server does not know the session of a request. */
export function onSessionExpired(listener: () => void): () => void {
  expired.add(listener);
  return () => expired.delete(listener);
}

/** Calls the listeners of `onSessionExpired`. */
export function expireSession(): void {
  for (const listener of expired) listener();
}

/** The data of an answer. Throws `ApiError`. */
export async function dataOf<T>(request: Promise<Answer<T>>): Promise<T> {
  const answer = await request.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    throw new ApiError(0, "", "Cannot reach the server; it may be restarting");
  });
  if (!answer.response.ok) throw errorOf(answer.response, answer.error);
  return answer.data as T;
}

/** A raw request to the server with the console's header. Throws `ApiError`. */
export async function fetchRaw(
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(CONSOLE_HEADERS)) {
    headers.set(name, value);
  }
  const response = await fetch(path, {
    ...init,
    headers,
    credentials: "same-origin",
  })
    .catch((error: unknown) => {
      if (error instanceof DOMException && error.name === "AbortError") {
        throw error;
      }
      throw new ApiError(
        0,
        "",
        "Cannot reach the server; it may be restarting",
      );
    });
  if (response.ok) return response;
  throw errorOf(response, await response.json().catch(() => undefined));
}

function errorOf(response: Response, body: unknown): ApiError {
  const status = (body ?? {}) as Partial<Status>;
  const details = Array.isArray(status.details) ? status.details : [];
  const reason = details.map((detail) => detail["reason"])
    .find((value): value is string => typeof value === "string") ?? "";
  const fields = details.flatMap((detail) =>
    Array.isArray(detail["fieldViolations"]) ? detail["fieldViolations"] as FieldFault[] : []
  );
  if (response.status === 401) expireSession();
  const message = status.message ?? `The server answered ${response.status}`;
  return new ApiError(response.status, reason, message, fields);
}
