/** Host calls of the modules in this directory. */
import type { Replacer } from "./lossless.ts";

/** The response of a host call; `json` is a {@link HostReply} unless it is `done`. */
interface HostResponse {
  readonly done: boolean;
  readonly json: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface HostReply {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
}

/** What the runtime adds to `import.meta` of a function. */
interface Invoked {
  readonly secrets: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, string>>;
  call(json: string, bytes?: Uint8Array): Promise<HostResponse>;
}

/** The error of a host call that the server rejected. */
export class HostError extends Error {
  override name = "HostError";
  constructor(
    /** A stable code. */
    readonly code: string,
    message: string,
    readonly details: unknown,
  ) {
    super(message);
  }
}

/** The server's data for this invocation. @param use name of the caller, for the error of code outside of a function */
export function invoked(use: string): Invoked {
  const { invoked } = import.meta as { readonly invoked?: Invoked };
  if (invoked !== undefined) return invoked;
  throw new Error(`${use} works only in a function that invoked runs`);
}

/**
 * Calls the server.
 * @param replacer of the parameters' JSON
 * @throws {HostError} if the server rejects the call
 */
export async function callHost(
  method: string,
  params: unknown,
  bytes?: Uint8Array,
  replacer?: Replacer,
): Promise<{ readonly value: unknown; readonly bytes: Uint8Array<ArrayBuffer> }> {
  const response = await invoked(method).call(
    JSON.stringify({ method, params }, replacer),
    bytes,
  );
  const value: unknown = JSON.parse(response.json);
  if (response.done) return { value, bytes: response.bytes };
  const { code, message, details } = value as HostReply;
  throw new HostError(code, message, details);
}
