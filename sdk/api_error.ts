import { HostError } from "./host.ts";

const INVALID_ARGUMENT = [400, 3] as const;
const INTERNAL = [500, 13] as const;
/** HTTP status and gRPC number of the codes with which a host call fails before it reaches an operation. */
const CODES: Readonly<Record<string, readonly [status: number, number: number]>> = {
  INVALID_ARGUMENT,
  RESOURCE_EXHAUSTED: [429, 8],
  UNIMPLEMENTED: [501, 12],
};

/** An error as it was answered. */
interface ErrorAnswer {
  readonly status: number;
  /** The text of the body. */
  readonly text: string;
  readonly contentType: string;
  readonly retryAfterSeconds?: number | undefined;
}

/** The details of a host call's error: what this server answers to the request, or what the tenant has answered. */
type ErrorDetails =
  & Omit<ErrorAnswer, "text" | "contentType">
  & (
    | { readonly body: unknown }
    | Pick<ErrorAnswer, "text" | "contentType">
  );

const JSON_TYPE = "application/json";
/** Longest body in one line with the status, and longest body in a message, in UTF-16 units. */
const LINE_UNITS_MAX = 100;
const SHOWN_UNITS_MAX = 10_000;

/** The error of an API request, as C1's SDK throws it. */
export class SDKError extends Error {
  override name = "SDKError";
  /** The status of the API over HTTP. */
  readonly statusCode: number;
  /** The text of the answer: JSON of a google.rpc.Status, with `code`, `message` and `details`. */
  readonly body: string;
  readonly contentType: string;
  /** Seconds until a retry; undefined if the server gives none. */
  readonly retryAfterSeconds: number | undefined;

  constructor(answer: ErrorAnswer) {
    super(messageOf(answer));
    this.statusCode = answer.status;
    this.body = answer.text;
    this.contentType = answer.contentType;
    this.retryAfterSeconds = answer.retryAfterSeconds;
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

/** The message of C1's SDK 1.2.2, which functions may compare. */
function messageOf({ status, text, contentType }: ErrorAnswer): string {
  const shownType = contentType.includes(" ") ? `"${contentType}"` : contentType || '""';
  const type = contentType === JSON_TYPE ? "" : ` Content-Type ${shownType}`;
  const end = text.length > LINE_UNITS_MAX ? "\n" : ". ";
  const more = text.length - SHOWN_UNITS_MAX;
  const body = more > 0
    ? `${text.slice(0, SHOWN_UNITS_MAX)}...and ${more} more chars`
    : text || '""';
  return `Unexpected Status or Content-Type: Status ${status}${type}${end}Body: ${body}`;
}

/** The error for a method that this server does not have. */
export function unimplemented(message: string): SDKError {
  return sdkError(new HostError("UNIMPLEMENTED", message, undefined));
}

/**
 * The error for a field that the SDK does not send, as the server answers it.
 * @param method such as `sdk.apps.list`
 * @param field path in the request
 */
export function invalidField(method: string, field: string, description: string): SDKError {
  const details = [
    {
      "@type": "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations: [{ field, description }],
    },
    {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: "INVALID_FIELD",
      domain: "invoked",
    },
  ];
  const [status, code] = INVALID_ARGUMENT;
  return new SDKError(
    inJson({ status }, { code, message: `${method}: ${field} ${description}`, details }),
  );
}

/** The SDK's error for the error of a host call. */
export function sdkError({ code, message, details }: HostError): SDKError {
  if (isErrorDetails(details)) {
    return new SDKError("text" in details ? details : inJson(details, details.body));
  }
  const [status, number] = Object.hasOwn(CODES, code) ? CODES[code] ?? INTERNAL : INTERNAL;
  return new SDKError(inJson({ status }, { code: number, message, details: [] }));
}

/** The error with a longer message. @param error of this server, not of a tenant */
export function extended({ code, message, details }: HostError, end: string): HostError {
  const longer = `${message}${end}`;
  const isAnswer = isErrorDetails(details) && "body" in details;
  const more = isAnswer
    ? { ...details, body: { ...details.body as object, message: longer } }
    : details;
  return new HostError(code, longer, more);
}

/** An error of this server. */
function inJson(
  { status, retryAfterSeconds }: Omit<ErrorAnswer, "text" | "contentType">,
  body: unknown,
): ErrorAnswer {
  return { status, text: JSON.stringify(body), contentType: JSON_TYPE, retryAfterSeconds };
}

function isErrorDetails(details: unknown): details is ErrorDetails {
  return typeof details === "object" && details !== null && "status" in details;
}
