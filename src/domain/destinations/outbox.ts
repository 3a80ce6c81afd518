import { backoffMs } from "../../shared/backoff.ts";
import { getLogger } from "@logtape/logtape";
import { Webhook } from "standardwebhooks";
import { formatCount } from "../../config/mod.ts";
import type { PublicPost } from "../../sandbox/mod.ts";
import { readContent } from "../../shared/json_text.ts";
import type { InvocationRecord } from "../../store/invocations.ts";
import type { OutboxRow } from "../../store/outbox.ts";
import type { Store } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";
import { NO_ACCESS } from "../identity/access.ts";
import type { Principal } from "../identity/mod.ts";
import type { Invocations } from "../invocations/invocations.ts";
import type { Traces } from "../invocations/trace.ts";
import { anyFunction } from "../references.ts";
import type { DueWork, Scheduler } from "../scheduling/scheduler.ts";
import {
  type DestinationEvent,
  type DestinationSettings,
  targetOf,
} from "../functions/destinations.ts";

const logger = getLogger(["invoked", "domain"]);

/** Ends that are sent at the same time. */
const SENDING_MAX = 32;
/** How long one attempt keeps its row: longer than it can take. */
const ATTEMPT_MS = 60_000;
/** Bounds of the random wait after a failed attempt, which doubles with each. */
const BACKOFF = { initialMs: 1_000, maxMs: 60 * 60 * 1000 } as const;
/** The receiver wants no more. */
const GONE = 410;
const ERROR_CHARS_MAX = 1_024;

/** Limits of destinations, each a named setting in `src/config`. */
interface DestinationLimits {
  /** How often the end of an invocation is sent. */
  readonly maxDestinationAttempts: number;
  /** Destinations one after another, each of which is a function that the end of the one before starts. */
  readonly maxDestinationDepth: number;
}

/** Thrown for an attempt that failed, with the reason for people. */
class Unsent extends Error {
  override name = "Unsent";
}

/** Thrown for an end that no further attempt can send. */
class Undeliverable extends Error {
  override name = "Undeliverable";
}

/**
 * Sends the ends of invocations to their destinations. The transaction that ends an invocation also writes a row for
 * each destination. A destination function starts once. A destination URL may receive an end twice, with the same
 * `webhook-id`, if the server ends before it has recorded the response.
 */
export class Outbox implements DueWork {
  readonly name = "destinations";
  /** Invocations whose end is sent now. */
  readonly #sending = new Set<string>();

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly settings: DestinationSettings;
      readonly invocations: Invocations;
      readonly post: PublicPost;
      readonly scheduler: Scheduler;
      readonly traces: Traces;
      readonly limits: DestinationLimits;
    },
  ) {}

  async nextAt(): Promise<Date | undefined> {
    // An attempt that ends wakes the scheduler.
    if (this.#sending.size >= SENDING_MAX) return undefined;
    const dueAt = await this.parts.store.read.outbox.nextDueAt();
    return dueAt === undefined ? undefined : new Date(dueAt);
  }

  /** Begins attempts and does not wait for them: a slow host keeps nothing else. */
  async runDue(now: Date): Promise<void> {
    const { store } = this.parts;
    const free = SENDING_MAX - this.#sending.size;
    if (free <= 0) return;
    const until = new Date(now.getTime() + ATTEMPT_MS).toISOString();
    for (const row of await store.read.outbox.due(now.toISOString(), free)) {
      const isOurs = await store.write((tx) => tx.outbox.begin(row, until, now.toISOString()));
      if (isOurs) void this.#attempt({ ...row, attempts: row.attempts + 1 });
    }
  }

  async #attempt(row: OutboxRow): Promise<void> {
    const { store, scheduler } = this.parts;
    const id = row.invocationId;
    this.#sending.add(id);
    try {
      await this.#send(row);
    } catch (error) {
      const change = this.#changeAfter(row, error);
      await store.write((tx) => tx.outbox.update(id, change, new Date().toISOString()))
        // The row is due again once the time of the attempt is over.
        .catch((error) =>
          logger.warn("Failed to record an attempt for {id}: {error}", { id, error })
        );
    } finally {
      this.#sending.delete(id);
      scheduler.wake();
    }
  }

  async #send(row: OutboxRow): Promise<void> {
    const { store } = this.parts;
    const ended = await store.read.invocations.getAny(row.invocationId);
    if (ended === undefined) throw new Undeliverable("its invocation was purged");
    const target = targetOf(row.target);
    if ("functionId" in target) return await this.#start(row, ended, target.functionId);
    await this.#post(row, ended, target.url);
    const now = new Date().toISOString();
    await store.write((tx) => tx.outbox.update(ended.id, { state: "DELIVERED", error: null }, now));
  }

  /** Starts the function, and records that it did: both or neither. */
  async #start(row: OutboxRow, ended: InvocationRecord, functionId: string): Promise<void> {
    const { invocations, limits: { maxDestinationDepth } } = this.parts;
    const depth = ended.destinationDepth + 1;
    if (depth > maxDestinationDepth) {
      throw new Undeliverable(
        `a depth of ${formatCount(depth)} destinations exceeds the limit of ` +
          `${formatCount(maxDestinationDepth)} (--max-destination-depth)`,
      );
    }
    await invocations.invoke(principalOf(ended), {
      functionId,
      commitId: "",
      json: new TextEncoder().encode(await messageOf(ended)),
      vfsId: "",
      idempotencyKey: undefined,
      wait: { kind: "at-most", ms: 0 },
      trigger: { kind: "destination", id: ended.id },
      trace: this.parts.traces.ofRun(ended, ended.attempt),
      destinationDepth: depth,
      alongside: async (tx, { id, createdAt }) => {
        const change = { state: "DELIVERED", error: null, startedId: id } as const;
        const isFirst = await tx.outbox.update(row.invocationId, change, createdAt);
        if (!isFirst) throw new Undeliverable("it was sent before");
      },
    });
  }

  async #post(row: OutboxRow, ended: InvocationRecord, url: string): Promise<void> {
    const { store, settings, post, traces } = this.parts;
    const fn = await anyFunction(store.read, row.functionId);
    const secret = await settings.secret(fn.id, row.event as DestinationEvent);
    if (secret === undefined) throw new Undeliverable("the secret of the destination was deleted");
    const body = await messageOf(ended);
    const { traceparent, tracestate } = traces.ofRun(ended, ended.attempt);
    const now = new Date();
    const status = await post({
      url,
      allowlist: JSON.parse(fn.outboundNetworkAllowlist) as string[],
      body,
      headers: {
        "webhook-id": ended.id,
        "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
        "webhook-signature": new Webhook(secret).sign(ended.id, now, body),
        traceparent,
        ...tracestate === undefined ? {} : { tracestate },
      },
    }).catch((error) => {
      throw new Unsent(`no answer came: ${error instanceof Error ? error.message : error}`);
    });
    if (status >= 200 && status < 300) return;
    if (status === GONE) throw new Undeliverable("the host answered 410: it wants no more");
    throw new Unsent(`the host answered ${status}`);
  }

  #changeAfter({ attempts }: OutboxRow, error: unknown): Partial<OutboxRow> {
    const { maxDestinationAttempts } = this.parts.limits;
    const text = reasonOf(error).slice(0, ERROR_CHARS_MAX);
    if (error instanceof Undeliverable || attempts >= maxDestinationAttempts) {
      const limit = error instanceof Undeliverable
        ? ""
        : ` (after ${formatCount(attempts)} attempts, --destination-attempts)`;
      return { state: "FAILED", error: text + limit };
    }
    const dueAt = new Date(Date.now() + backoffMs(BACKOFF, attempts)).toISOString();
    return { dueAt, error: text };
  }
}

function reasonOf(error: unknown): string {
  const isKnown = error instanceof DomainError || error instanceof Undeliverable ||
    error instanceof Unsent;
  if (isKnown) return error.message;
  logger.error("Failed to send the end of an invocation: {error}", { error });
  return "the server could not send it; its log has the reason";
}

/** The function whose invocation has ended: the principal has no rights for the invocation itself. */
function principalOf({ functionId }: InvocationRecord): Principal {
  return {
    kind: "function",
    id: functionId,
    displayName: `Function ${functionId}`,
    clientId: functionId,
    access: NO_ACCESS,
  };
}

/** The input of a function, and the body of a request: JSON with the end of an invocation. */
async function messageOf(ended: InvocationRecord): Promise<string> {
  const { id, functionId, status, error, input, output } = ended;
  const text = async (content: typeof input) =>
    new TextDecoder().decode(await readContent(content));
  const parts = [
    `"id":${JSON.stringify(id)}`,
    `"functionId":${JSON.stringify(functionId)}`,
    `"status":"FUNCTION_INVOCATION_STATUS_${status}"`,
    ...error === null ? [] : [`"error":${JSON.stringify(error)}`],
    // Both are texts of JSON objects.
    `"input":${await text(input)}`,
    ...output === null ? [] : [`"output":${await text(output)}`],
  ];
  return `{"invocation":{${parts.join(",")}}}`;
}
