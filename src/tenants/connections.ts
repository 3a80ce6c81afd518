/** TLS connections to tenants under the rules of egress: to checked addresses, with verified certificates, and without redirects. */
import { Buffer } from "node:buffer";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { LRUCache } from "lru-cache";
import { GatheredBytes } from "../shared/gathered_bytes.ts";
import { addressPolicy } from "../sandbox/egress/addresses.ts";
import { EgressError } from "../sandbox/egress/error.ts";
import { Router } from "../sandbox/egress/route.ts";
import { parseAbsolute } from "../sandbox/egress/target.ts";
import type { EgressOptions } from "../sandbox/mod.ts";
import { type AnswerShare, AnswersMemory } from "./answers_memory.ts";
import {
  bounded,
  type Exchange,
  ExchangeError,
  type HttpAnswer,
  type HttpRequest,
  withinTime,
} from "./exchange.ts";
import { FairSlots } from "./fair_slots.ts";
import { LARGE_ANSWER_BYTES } from "./steps.ts";

/** Tenants whose connections are kept; those of the one that was used least recently are closed. */
const HOSTS_MAX = 100;
/** Connections to one tenant that carry requests at a time, and as many may wait for reads; further requests wait. */
export const TENANT_CONNECTIONS_MAX = 32;
/** How long a connection waits for the next request. */
const IDLE_MS = 15_000;
/** Most bytes of the headers of an answer. */
const HEADERS_MAX_BYTES = 32 * 1024;
/** Most bytes of one answer, whatever a request allows. */
export const TENANT_ANSWER_MAX_BYTES = 32 * 1024 * 1024;
/** Memory for all large answers, from their first byte until their function has read them. */
const ANSWERS_MAX_BYTES = 256 * 1024 * 1024;
/** Of it, for those of one tenant, and for those of one tenant to one function. */
const ANSWERS_OF_TENANT_MAX_BYTES = 96 * 1024 * 1024;
const ANSWERS_TO_CALLER_MAX_BYTES = TENANT_ANSWER_MAX_BYTES;

/** Codes of connections that may succeed later; the others are rules and certificates. */
const PASSING_CODES = [
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "ETIMEDOUT",
];

/** What an operator allows, for tenants as for functions. */
export type TenantEgress = Pick<EgressOptions, "allowPrivate" | "ca">;

/** Kept connections to one tenant, connections for one request each, and the slots of both. */
interface Agents {
  readonly kept: Agent;
  readonly single: Agent;
  readonly slots: FairSlots;
  readonly memory: (caller: string) => AnswerShare;
}

/** Connections to all tenants. Disposing it closes them. */
export class TenantConnections implements Disposable {
  readonly #router: Router;
  readonly #memory = new AnswersMemory({
    bytes: ANSWERS_MAX_BYTES,
    callerBytes: ANSWERS_TO_CALLER_MAX_BYTES,
    tenantBytes: ANSWERS_OF_TENANT_MAX_BYTES,
    answerBytes: TENANT_ANSWER_MAX_BYTES,
  });
  readonly #agents = new LRUCache<string, Agents>({
    max: HOSTS_MAX,
    dispose: ({ kept, single }) => {
      kept.destroy();
      single.destroy();
    },
  });

  constructor({ allowPrivate, ca }: TenantEgress) {
    this.#router = new Router(addressPolicy(allowPrivate), ca);
  }

  /** The connections to one tenant. @param host with a port unless it is 443 */
  to(host: string): Exchange {
    return { send: (request, signal) => this.#send(host, request, signal) };
  }

  [Symbol.dispose](): void {
    this.#agents.clear();
  }

  async #send(host: string, request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { kept, single, slots, memory } = this.#agentsOf(host);
    const agent = request.opensConnection ? single : kept;
    return await sendOver(agent, host, request, {
      signal,
      slots,
      memory: () => memory(request.caller),
    });
  }

  #agentsOf(host: string): Agents {
    const known = this.#agents.get(host);
    if (known !== undefined) return known;
    const to = parseAbsolute(`https://${host}/`);
    if (to === undefined) throw new TypeError(`${host} is not a host`);
    const connect = () => this.#router.connectTls(to);
    const agents = {
      kept: new TenantAgent(connect, true),
      single: new TenantAgent(connect, false),
      slots: new FairSlots(TENANT_CONNECTIONS_MAX),
      memory: this.#memory.ofTenant(),
    };
    this.#agents.set(host, agents);
    return agents;
  }
}

/** Opens checked connections. It counts connections only once they are open, so its callers bound them. */
class TenantAgent extends Agent {
  readonly #connect: () => Promise<Socket>;

  constructor(connect: () => Promise<Socket>, keepAlive: boolean) {
    super({
      keepAlive,
      maxFreeSockets: TENANT_CONNECTIONS_MAX,
      timeout: IDLE_MS,
    });
    this.#connect = connect;
  }

  override createConnection(
    _options: unknown,
    onCreated?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#connect().then(
      (socket) => onCreated?.(null, socket),
      // The agent reads no socket beside an error.
      (error) => onCreated?.(error, undefined as unknown as Duplex),
    );
  }
}

interface ReadParts {
  readonly signal: AbortSignal;
  readonly memory: () => AnswerShare;
}

interface SendParts extends ReadParts {
  readonly slots: FairSlots;
}

/** Waits for a slot, sends a request and reads its answer, all within its time. @throws {ExchangeError} */
async function sendOver(
  agent: Agent,
  host: string,
  request: HttpRequest,
  { signal, slots, memory }: SendParts,
): Promise<HttpAnswer> {
  const progress: Progress = { stage: "waiting" };
  const late = (within: string) => lateError(progress, within);
  return await withinTime({ time: request.time, signal, late }, async (ending) => {
    using _slot = await slots.acquire(request.caller, ending);
    progress.stage = "connecting";
    return await exchange(agent, host, request, { signal: ending, memory }, progress)
      .catch((error) => {
        throw exchangeError(error, progress);
      });
  });
}

/** How far a request has come: once it has a connection, the tenant may have read it. */
interface Progress {
  stage: "waiting" | "connecting" | "sending";
}

function sentAfter({ stage }: Progress): ExchangeError["sent"] {
  return stage === "sending" ? "perhaps" : "nothing";
}

/** Why a request has no answer at the end of its time. */
function lateError(progress: Progress, within: string): ExchangeError {
  const message = progress.stage === "waiting"
    ? `not sent: no connection was free ${within}, as other requests use the ` +
      `${TENANT_CONNECTIONS_MAX} connections to the tenant`
    : `no whole answer ${within}`;
  return new ExchangeError("TENANT_TIMEOUT", message, sentAfter(progress), false);
}

/** Sends a request and reads its answer, until the signal aborts. */
async function exchange(
  agent: Agent,
  host: string,
  { verb, path, headers, body, answerBytesMax }: HttpRequest,
  parts: ReadParts,
  progress: Progress,
): Promise<HttpAnswer> {
  const { signal } = parts;
  const outgoing = httpRequest({
    agent,
    method: verb,
    path,
    headers: {
      ...headers,
      host,
      "accept-encoding": "identity",
      ...body === undefined ? {} : { "content-length": Buffer.byteLength(body) },
    },
    setHost: false,
    maxHeaderSize: HEADERS_MAX_BYTES,
  });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const cut = () => {
    reject(signal.reason);
    outgoing.destroy(signal.reason);
  };
  signal.addEventListener("abort", cut, { once: true });
  // On a kept connection that breaks, the runtime would send the request again, also after it was cut.
  outgoing.on("socket", () => {
    outgoing.reusedSocket = false;
    progress.stage = "sending";
  });
  outgoing.on("response", resolve);
  // Never removed: an error event without a listener would end the server.
  outgoing.on("error", reject);
  try {
    outgoing.end(body);
    const incoming = await promise;
    const read = await bodyOf(incoming, answerBytesMax, parts);
    return { status: incoming.statusCode ?? 0, headers: headersOf(incoming), ...read };
  } catch (error) {
    outgoing.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", cut);
  }
}

/** Reads a body up to its limit. A large one waits for its share of the memory. */
async function bodyOf(
  incoming: IncomingMessage,
  bytesMax: number,
  { signal, memory }: ReadParts,
): Promise<Pick<HttpAnswer, "body" | "memory">> {
  const read = new GatheredBytes(bytesMax);
  using taken = new DisposableStack();
  let share: AnswerShare | undefined;
  for await (const chunk of bounded(incoming, bytesMax)) {
    read.add(chunk);
    if (read.capacity <= LARGE_ANSWER_BYTES) continue;
    share ??= taken.use(memory());
    await share.growTo(read.capacity, signal);
  }
  // Of an answer without a length, the end of the connection is its end, also if this server cuts it.
  signal.throwIfAborted();
  if (!incoming.complete) throw new Error("it ended early");
  return { body: read.bytes(), memory: taken.move() };
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, String(value)]),
  );
}

function exchangeError(error: unknown, progress: Progress): ExchangeError {
  if (error instanceof ExchangeError) return error;
  if (error instanceof EgressError) {
    const mayPass = PASSING_CODES.includes(error.code);
    const message = `no connection: ${error.message}`;
    return new ExchangeError("TENANT_UNREACHABLE", message, "nothing", mayPass);
  }
  const message = "the connection broke before the whole answer";
  return new ExchangeError("TENANT_UNREACHABLE", message, sentAfter(progress), true);
}
