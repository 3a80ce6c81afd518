import { z } from "zod";
import type { Names } from "./names.ts";
import { type ExitName, Failure, oneLine, printable } from "../terminal/failure.ts";

/** google.rpc.Status as JSON. */
const Status = z.object({
  code: z.number().optional(),
  message: z.string().optional(),
  details: z.array(z.looseObject({ reason: z.string().optional() })).nullish(),
});

/** The response to a request that was not successful. */
interface ErrorResponse {
  readonly status: number;
  /** The stable reason; undefined if the server gives none. */
  readonly reason: string | undefined;
  readonly retryAfter: string | undefined;
}

/**
 * The failure of a command whose request the server rejected. A message that is a sentence is shown alone; any other
 * follows what the command attempted.
 */
export class ApiError extends Failure {
  readonly status: number;
  readonly reason: string | undefined;

  constructor(what: string, { status, reason, retryAfter }: ErrorResponse, message: string) {
    const code = reason ?? `HTTP ${status}`;
    const isSentence = reason !== undefined && /^[A-Z]/.test(message);
    super(`${isSentence ? message : `${what}: ${message}`} (${code})`, {
      next: nextStep(status, reason, retryAfter) ?? nextOfField(reason, message),
      exit: exitOf(status, reason),
    });
    this.status = status;
    this.reason = reason;
  }

  /** Reads the error body of a response. */
  static from(names: Names, what: string, response: Response, body: string): ApiError {
    const parsed = Status.safeParse(parseJson(body));
    const reason = parsed.data?.details?.find((detail) => detail.reason !== undefined)?.reason;
    const message = parsed.data?.message ?? response.statusText;
    return new ApiError(what, {
      status: response.status,
      reason: reason === undefined ? undefined : oneLine(reason),
      retryAfter: response.headers.get("retry-after") ?? undefined,
    }, names.in(withoutCommit(printable(message).trim())) || "the server gave no reason");
  }

  /** Whether the server has no such endpoint, because it lacks the additions to C1's API. */
  get isMissingEndpoint(): boolean {
    if (this.reason !== undefined) return this.reason === "ENDPOINT_NOT_FOUND";
    return [404, 405, 501].includes(this.status);
  }
}

/** The start of a message about a commit without tests. */
const UNTESTED = /^Commit [0-9A-Za-z]{27} has/;

/** The start of a message about a commit that was not built. */
const BUILT = /^Build of (?:the tests of )?(?:the )?commit (?:in \w+|[0-9A-Za-z]{27}) failed: /;

/** Such a message without the id of the commit, which the user does not know: the command names the function. */
function withoutCommit(message: string): string {
  return message.replace(BUILT, "").replace(UNTESTED, "the commit has");
}

/** The next step without an addition to C1's API. */
const USE_INVOKED = "use an invoked server; C1's own API does not have this endpoint";

/** The server lacks an addition to C1's API. */
export class MissingEndpoint extends Failure {}

/** Reports a missing endpoint of an addition to C1's API as such. @param what such as `volumes` */
export async function needsAddition<T>(
  what: string,
  response: Promise<T>,
  next = USE_INVOKED,
): Promise<T> {
  try {
    return await response;
  } catch (error) {
    if (!(error instanceof ApiError) || !error.isMissingEndpoint) throw error;
    throw new MissingEndpoint(`The server does not support ${what}`, { next });
  }
}

/** The answer to a request for one thing; undefined if the server does not know the thing. */
export async function unlessUnknown<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** The parsed JSON; undefined for any other text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function exitOf(status: number, reason: string | undefined): ExitName {
  if (reason === "BUILD_FAILED") return "code";
  return status === 401 || status === 503 ? "server" : "failure";
}

const NEXT_STEPS: Readonly<Record<string, string>> = {
  BUILD_FAILED: "correct the code at the reported position, then run the command again",
  NO_PUBLISHED_COMMIT:
    "publish a commit with invoked publish, or name one with --commit (HEAD is the newest)",
  NO_JSON_HANDLER:
    "send it HTTP requests at the URL of an endpoint (invoked trigger list), or export a default function from main.ts",
  NO_TESTS: "add main.test.ts beside main.ts, then deploy and run the command again",
  NOT_REPLAYABLE: "invoke the function with another input, or send the request again",
  FILE_NOT_UPLOADED: "run the command again",
  COMMIT_NOT_FINALIZED: "deploy the commit again with invoked deploy",
  COMMIT_IN_USE: "publish another commit with invoked publish, or wait for its invocations to end",
  FUNCTION_IN_USE: "delete the trigger or reset the destination first that the message names",
  CREDENTIAL_LIMIT:
    "delete clients with invoked clients delete, or credentials with invoked credentials revoke",
  TRIGGER_LIMIT: "delete a trigger with invoked trigger delete",
  TRIGGER_PAUSED: "resume it with invoked trigger resume",
  VOLUME_BOUND: "choose another volume for the function or trigger that the message names first",
  VOLUME_PATH_CONFLICT: "use another path; list what is there with invoked volumes ls",
  CIRCUIT_BREAKER_PAUSED: "run or cancel the paused invocations with invoked circuit-breaker",
  IDEMPOTENCY_KEY_REUSED: "use a new key",
  NO_EARLIER_PUBLISH:
    "publish a commit with invoked publish, or name one with --to; invoked show lists them",
  FUNCTION_NOT_FOUND: "list the functions with invoked list",
  COMMIT_NOT_FOUND: "list the commits with invoked show",
  TAG_NOT_FOUND: "list the tags with invoked show",
  TAG_ALREADY_EXISTS: "choose another name, or delete the tag first with invoked tag --delete",
  INVOCATION_NOT_FOUND: "list the invocations with invoked history",
  TRIGGER_NOT_FOUND: "list the triggers with invoked trigger list",
  TRIGGER_ALREADY_EXISTS: "choose another name, slug or host",
  DEAD_LETTER_NOT_FOUND: "list the dead letters with invoked dead-letters list",
  PRINCIPAL_IN_USE: "bind the functions to another principal, or to none, with invoked bind",
  TENANT_UNREACHABLE:
    "check the host of the tenant; the server needs --egress-allow-private for private addresses, and --egress-ca for " +
    "a certificate authority of your own",
  TENANT_CREDENTIAL_REJECTED:
    "give the secret of this client; invoked tenants rotate replaces the client of a credential",
  TENANT_ALREADY_EXISTS:
    "add a client with invoked tenants credentials add, or choose another name",
  TENANT_IN_USE:
    "invoked tenants rotate replaces a client, and --force removes what functions use, but no oldest credential",
  TENANT_NOT_FOUND: "list the tenants with invoked tenants list",
  PRINCIPAL_NOT_FOUND: "list the service principals with invoked principals list",
  CREDENTIAL_NOT_FOUND: "list the credentials with invoked credentials list",
  ROLE_NOT_FOUND: "list the roles with invoked roles list",
  ROLE_IN_USE: "take the role from its holders first; invoked principals set-roles replaces roles",
  LAST_OWNER: "give another principal the role system:owner first",
  CLIENT_NOT_FOUND: "list the clients with invoked clients list",
  PURGED: "use another one; invoked history --purges lists who purged what",
  TOKEN_EXPIRED: "get a new access token, or use a client id and secret",
  VOLUME_NOT_FOUND: "list the volumes with invoked volumes list",
  VOLUME_FILE_NOT_FOUND: "list the files with invoked volumes ls",
  VOLUME_VERSION_NOT_FOUND: "list the versions with invoked volumes history",
  VOLUME_QUOTA: "remove files with invoked volumes rm, or use a volume with a larger quota",
  ETAG_MISMATCH: "run the command again: the file or the published commit was changed meanwhile",
  UPLOAD_URL_EXPIRED: "run the command again: upload URLs expire",
};

function nextStep(status: number, reason = "", retryAfter?: string): string | undefined {
  if (NEXT_STEPS[reason] !== undefined) return NEXT_STEPS[reason];
  if (status === 401) {
    return "check the credentials: the INVOKED_* or CONDUCTORONE_* variables, the profile, or those of --data";
  }
  if (status === 403) return "ask an administrator for a role with this permission";
  return isTemporary(status) ? tryAgain(retryAfter) : undefined;
}

/** The flag of the server whose limit a value exceeds, as an error names it. */
const LIMIT_FLAG = /\((--[a-z-]+)\)/;

/** The next step after a field was rejected. */
function nextOfField(reason: string | undefined, message: string): string | undefined {
  if (reason !== "INVALID_FIELD") return undefined;
  const flag = LIMIT_FLAG.exec(message)?.[1];
  return flag === undefined
    ? "correct the value that the message names"
    : `use a value within the limit, or ask the operator of the server to raise ${flag}`;
}

/** Whether the same request may succeed later. */
export function isTemporary(status: number): boolean {
  return status === 429 || status === 503;
}

/** @param retryAfter the header of the response */
export function tryAgain(retryAfter: string | undefined): string {
  return `try again${retryAfter === undefined ? "" : ` in ${oneLine(retryAfter)} s`}`;
}
