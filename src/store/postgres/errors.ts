/** What errors of PostgreSQL and its driver mean for the store. */
import { StorageUnavailable } from "../storage_health.ts";

/** SQLSTATE codes, or their classes, with which a server cannot serve for now. */
const UNAVAILABLE_STATES: Readonly<Record<string, string>> = {
  "08": "the connection to the database was lost",
  "57P": "the database is shutting down or starting",
  "53100": "the disk of the database is full",
  "53200": "the database is out of memory",
  "53300": "the database has no connection left",
  "53400": "the database has reached a limit of its configuration",
  "25006": "the database is read-only",
  "25P03": "the database ended a transaction that rested too long",
  "28": "the database rejects the server's user or password",
  "3D000": "the database does not exist any more",
  "58030": "the disk of the database reports an error",
};

/** The codes with which the connection ends, or is of no use: a primary that has become read-only is looked for anew. */
const ENDED_STATES: readonly string[] = ["08", "57P", "25P03", "25006"];

/** Codes of the system for connections that cannot be made or were lost. */
const CONNECTION_CODES: readonly string[] = [
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "EACCES",
];

/** Those of packets that nobody answers, and of connections that end without a word of PostgreSQL. */
const UNANSWERED_CODES: readonly string[] = [
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
];

/** Messages of the driver about connections; it gives them no code. */
const CONNECTION_MESSAGES =
  /^(?:Connection terminated|Client (?:has encountered a connection error|was closed)|timeout e|Query read timeout|Cannot use a pool after|The server does not support SSL|Unable to connect|There was an error establishing)/;

export const CONNECTION_LOST = "the connection to the database was lost";
export const UNREACHABLE = "the database cannot be reached";

/** The SQLSTATE of an error of PostgreSQL; undefined for other errors. */
export function stateOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !code.startsWith("E")
    ? code
    : undefined;
}

/** Whether the connection that met the error is lost. */
function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const state = stateOf(error);
  if (state !== undefined) return ENDED_STATES.some((ended) => state.startsWith(ended));
  const code = "code" in error ? error.code : undefined;
  return CONNECTION_MESSAGES.test(error.message) ||
    (typeof code === "string" && CONNECTION_CODES.includes(code));
}

/** Whether an attempt to connect got no answer, not even the one that no PostgreSQL listens there. */
export function isUnanswered(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message.startsWith("Connection terminated") ||
    ("code" in error && UNANSWERED_CODES.includes(error.code as string));
}

/** The error as the store reports it: as StorageUnavailable if the database cannot serve for now. */
export function storeError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof StorageUnavailable) return error;
  const state = stateOf(error);
  const reason = state === undefined
    ? isConnectionLost(error) ? UNREACHABLE : undefined
    : Object.entries(UNAVAILABLE_STATES).find(([prefix]) => state.startsWith(prefix))?.[1];
  return reason === undefined ? error : new StorageUnavailable(reason, { cause: error });
}

/** Whether an error, as the store reports it, is the loss of its connection. */
export function isLoss(error: unknown): boolean {
  return isConnectionLost(error instanceof StorageUnavailable ? error.cause : error);
}
