/** How the modules of this directory ask the server for something. */

/** What one call of the server answers; `json` tells a {@link HostFault} where it is not `done`. */
interface HostAnswer {
  readonly done: boolean;
  readonly json: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface HostFault {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
}

/** What the runtime puts on `import.meta` of a function. */
interface Invoked {
  readonly secrets: Readonly<Record<string, string>>;
  call(json: string, bytes?: Uint8Array): Promise<HostAnswer>;
}

/** A call that the server refused. */
export class HostError extends Error {
  override name = "HostError";
  constructor(
    /** A stable word. */
    readonly code: string,
    message: string,
    readonly details: unknown,
  ) {
    super(message);
  }
}

/** What the server gave to this call; `use` names who asks in the error that code outside of a function gets. */
export function invoked(use: string): Invoked {
  const { invoked } = import.meta as { readonly invoked?: Invoked };
  if (invoked !== undefined) return invoked;
  throw new Error(`${use} works in a function that invoked runs, and only there`);
}

/**
 * Asks the server.
 * @throws HostError for what the server refuses
 */
export async function callHost(
  method: string,
  params: unknown,
  bytes?: Uint8Array,
): Promise<{ readonly value: unknown; readonly bytes: Uint8Array<ArrayBuffer> }> {
  const answer = await invoked(method).call(JSON.stringify({ method, params }), bytes);
  const value: unknown = JSON.parse(answer.json);
  if (answer.done) return { value, bytes: answer.bytes };
  const { code, message, details } = value as HostFault;
  throw new HostError(code, message, details);
}
