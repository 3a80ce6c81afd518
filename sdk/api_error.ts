import { HostError } from "./host.ts";

/** HTTP status and gRPC number of the codes with which a host call fails before it reaches an operation. */
const CODES: Readonly<Record<string, readonly [status: number, number: number]>> = {
  INVALID_ARGUMENT: [400, 3],
  RESOURCE_EXHAUSTED: [429, 8],
  UNIMPLEMENTED: [501, 12],
};
const INTERNAL = [500, 13] as const;

/** The details of an operation's error besides its code and message. */
interface ErrorDetails {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterSeconds?: number;
}

/** The error of an API request, as C1's SDK throws it. */
export class SDKError extends Error {
  override name = "SDKError";
  /** The status of the API over HTTP. */
  readonly statusCode: number;
  /** The JSON text of a google.rpc.Status: `code`, `message`, `details`. */
  readonly body: string;
  readonly contentType = "application/json";
  /** Seconds until a retry; undefined if the server gives none. */
  readonly retryAfterSeconds: number | undefined;

  constructor({ status, body, retryAfterSeconds }: ErrorDetails) {
    const text = JSON.stringify(body);
    super(`API error occurred: Status ${status}. Body: ${text}`);
    this.statusCode = status;
    this.body = text;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The response, as C1's SDK provides it. */
  get rawResponse(): Response {
    return new Response(this.body, { status: this.statusCode, headers: this.headers });
  }

  get headers(): Headers {
    return new Headers({
      "content-type": this.contentType,
      ...this.retryAfterSeconds === undefined
        ? {}
        : { "retry-after": String(this.retryAfterSeconds) },
    });
  }
}

/** The error for a method that this server does not have. */
export function unimplemented(message: string): SDKError {
  return sdkError(new HostError("UNIMPLEMENTED", message, undefined));
}

/** The SDK's error for the error of a host call. */
export function sdkError({ code, message, details }: HostError): SDKError {
  if (isErrorDetails(details)) return new SDKError(details);
  const [status, number] = Object.hasOwn(CODES, code) ? CODES[code] ?? INTERNAL : INTERNAL;
  return new SDKError({ status, body: { code: number, message, details: [] } });
}

function isErrorDetails(details: unknown): details is ErrorDetails {
  return typeof details === "object" && details !== null && "status" in details;
}
