import {
  AuthorizationError,
  ConnectionError,
  errors,
  PermissionViolationError,
  TimeoutError,
} from "@nats-io/transport-node";

/** NATS cannot be used as configured; the message is for the operator. */
export class NatsUnusable extends Error {
  override name = "NatsUnusable";
}

/** NATS does not answer: it may have to start. */
export class NatsUnreachable extends NatsUnusable {
  override name = "NatsUnreachable";
}

/** Codes of the system for a host that is not reached: its network, its name or its server may come later. */
const NETWORK_CODES: ReadonlySet<unknown> = new Set([
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
]);

/** An error of the connection in words. @param servers the configured URLs */
export function connectError(error: unknown, servers: string): NatsUnusable {
  const chain = causes(error);
  const failure = (message: unknown) => `NATS at ${servers} is not usable: ${message}`;
  const rejection = chain.map(rejectionOf).find((reason) => reason !== undefined);
  if (rejection !== undefined) return new NatsUnusable(failure(rejection), { cause: error });
  const silence = chain.map(silenceOf).find((reason) => reason !== undefined);
  if (silence !== undefined) return new NatsUnreachable(failure(silence), { cause: error });
  return new NatsUnusable(failure(error instanceof Error ? error.message : error), {
    cause: error,
  });
}

/** By the code of the system: the message contains the host, which may have any name. */
function isOfNetwork(error: unknown): boolean {
  return error instanceof Error && "code" in error && NETWORK_CODES.has(error.code);
}

function rejectionOf(error: unknown): string | undefined {
  if (isOfNetwork(error)) return undefined;
  if (
    error instanceof AuthorizationError || error instanceof errors.UserAuthenticationExpiredError
  ) {
    return "it rejects the credentials; check --nats-credentials and the users of its configuration";
  }
  return error instanceof Error && /certificate|tls|handshake/i.test(error.message)
    ? `TLS failed: ${error.message}; check --nats-ca and the host of the URL`
    : undefined;
}

function silenceOf(error: unknown): string | undefined {
  if (error instanceof TimeoutError) return "it did not answer in time";
  if (!(error instanceof Error)) return undefined;
  if (!isOfNetwork(error) && !(error instanceof ConnectionError)) return undefined;
  return /refused|ECONNREFUSED/i.test(error.message)
    ? "the connection was refused; start nats-server, or correct --nats"
    : `it cannot be reached: ${error.message}`;
}

/** The operation that NATS does not permit this user; undefined for another error. */
export function deniedOperation(error: unknown): string | undefined {
  const denied = causes(error).find((cause) => cause instanceof PermissionViolationError);
  return denied instanceof PermissionViolationError
    ? `${denied.operation} ${denied.subject}`
    : undefined;
}

/**
 * Runs the first work of a role on NATS.
 * @throws NatsUnusable if its user lacks a permission of the role
 */
export async function permitted<T>(
  role: "API node" | "worker",
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const denied = deniedOperation(error);
    if (denied === undefined) throw error;
    const file = `deploy/nats/${role === "worker" ? "worker" : "api"}.conf`;
    throw new NatsUnusable(
      `NATS does not permit ${denied}; give this ${role} a user with the permissions of ${file}`,
      { cause: error },
    );
  }
}

function causes(error: unknown): readonly unknown[] {
  const found: unknown[] = [];
  for (let at = error; at !== undefined && found.length < 8;) {
    found.push(at);
    at = at instanceof Error ? at.cause : undefined;
  }
  return found.reverse();
}
