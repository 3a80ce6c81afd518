import { HostError } from "./host.ts";

/** HTTP status and number of the codes that the server answers a host call with before it reaches an operation. */
const CODES: Readonly<Record<string, readonly [status: number, number: number]>> = {
  INVALID_ARGUMENT: [400, 3],
  UNIMPLEMENTED: [501, 12],
};
const INTERNAL = [500, 13] as const;

/** What an operation's refusal carries beside its code and message. */
interface Refusal {
  readonly status: number;
  readonly body: unknown;
  readonly retryAfterSeconds?: number;
}

/** A call of the API that was refused, as C1's SDK throws it. */
export class SDKError extends Error {
  override name = "SDKError";
  /** The status that the API answers over HTTP. */
  readonly statusCode: number;
  /** The JSON text of a google.rpc.Status: `code`, `message`, `details`. */
  readonly body: string;
  readonly contentType = "application/json";
  /** When to try again, in seconds, where the server says. */
  readonly retryAfterSeconds: number | undefined;

  constructor({ status, body, retryAfterSeconds }: Refusal) {
    const text = JSON.stringify(body);
    super(`API error occurred: Status ${status}. Body: ${text}`);
    this.statusCode = status;
    this.body = text;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** What C1's SDK has of an answer. */
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

/** The error of something that this server does not have. */
export function unimplemented(message: string): SDKError {
  return sdkError(new HostError("UNIMPLEMENTED", message, undefined));
}

/** A host call's error as the SDK's. */
export function sdkError({ code, message, details }: HostError): SDKError {
  if (isRefusal(details)) return new SDKError(details);
  const [status, number] = Object.hasOwn(CODES, code) ? CODES[code] ?? INTERNAL : INTERNAL;
  return new SDKError({ status, body: { code: number, message, details: [] } });
}

function isRefusal(details: unknown): details is Refusal {
  return typeof details === "object" && details !== null && "status" in details;
}
