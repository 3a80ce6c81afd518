import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import {
  ClosedConnectionError,
  ConnectionError,
  DrainingConnectionError,
  RequestError,
  TimeoutError,
} from "@nats-io/transport-node";
import { ObjectsUnavailable } from "../../shared/objects.ts";

/** Codes of JetStream's API errors (server/errors.json of nats-server). */
const WRONG_LAST_SEQUENCE = 10071;
/** Resource limits of an account or a server, and limits of a stream. */
const FULL_CODES: readonly number[] = [10002, 10023, 10028, 10047, 10077];
/** The server's JetStream is off, starts, or has no leader. */
const AWAY_CODES: readonly number[] = [10008, 10009, 10039, 10076, 10118];

/** Whether a change named a revision that is no longer the last. */
export function isConflict(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE;
}

/** Runs work on NATS. @throws ObjectsUnavailable while NATS is full or does not answer */
export async function onNats<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = codeOf(error);
    throw code === undefined ? error : new ObjectsUnavailable(code, error);
  }
}

function codeOf(error: unknown): ObjectsUnavailable["code"] | undefined {
  if (error instanceof JetStreamApiError) {
    if (FULL_CODES.includes(error.code)) return "OBJECTS_FULL";
    return AWAY_CODES.includes(error.code) ? "OBJECTS_AWAY" : undefined;
  }
  // A direct get that the server answers with a status.
  if (error instanceof JetStreamError && "code" in error) {
    return error.code === 503 ? "OBJECTS_AWAY" : undefined;
  }
  const isAway = error instanceof TimeoutError || error instanceof RequestError ||
    error instanceof ConnectionError || error instanceof ClosedConnectionError ||
    error instanceof DrainingConnectionError ||
    error instanceof Error && error.name === "JetStreamNotEnabled";
  return isAway ? "OBJECTS_AWAY" : undefined;
}
