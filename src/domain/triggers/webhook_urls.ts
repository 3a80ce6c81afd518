import { getLogger } from "@logtape/logtape";
import { formatBytes, formatDuration } from "../../config/mod.ts";
import type { DeliveryReader, DeliveryRow, DeliveryWriter } from "../../store/deliveries.ts";
import type { Store } from "../../store/mod.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { readContent } from "../../shared/json_text.ts";
import { traceOfRequest } from "../../shared/trace_headers.ts";
import { DomainError } from "../errors.ts";
import { AlreadyStarted, type Invocations } from "../invocations/invocations.ts";
import {
  acceptanceOf,
  type Delivery,
  type DeliveryAnswer,
  functionAnswer,
  handshakeOf,
  inputOf,
  payloadOf,
} from "./deliveries.ts";
import type { DeliveryLog } from "./delivery_log.ts";
import { KeySetError, type KeySets } from "../key_sets.ts";
import { principalOf } from "./principal.ts";
import type { TriggerSecrets } from "./secrets.ts";
import { DELIVERY_KEPT_MS, settingsOf, type WebhookSettings } from "./settings.ts";
import type { Verdict, VerifiedEvent } from "./signatures/verdict.ts";
import { verifySender } from "./signatures/verify.ts";
import type { WebhookSources } from "./sources.ts";

const logger = getLogger(["invoked", "domain"]);

/** Methods whose senders expect 409 for a repeat, as C1 answers it. Others take it for a failure. */
const CONFLICT_METHODS = ["hmac", "jwt", "capabilityUrl"];

/** What webhook URLs work with. */
interface WebhookUrlParts {
  readonly store: Store;
  readonly invocations: Invocations;
  readonly secrets: TriggerSecrets;
  readonly keySets: KeySets;
  readonly log: DeliveryLog;
  readonly sources: WebhookSources;
  /** Whether a text has an access token of this server. */
  readonly holdsToken: (text: string) => Promise<boolean>;
  /** How long a sender waits for a function that answers it. */
  readonly timeoutMs: number;
  /** Base URL of the server. */
  readonly url: string;
}

/** A delivery whose sender is proved. */
interface Proved {
  readonly row: TriggerRow;
  readonly webhook: WebhookSettings;
  readonly delivery: Delivery;
  readonly event: VerifiedEvent;
  /** The parsed body. */
  readonly payload: unknown;
  readonly receivedAt: Date;
}

/**
 * Accepts deliveries at webhook URLs and starts functions. Unauthenticated senders learn nothing: an unknown URL, a wrong
 * signature and a rejected source address get the same response.
 */
export class WebhookUrls {
  constructor(private readonly parts: WebhookUrlParts) {}

  /**
   * Takes a delivery: checks its sender, and starts an invocation unless the event has started one.
   * @param count counts it against the rate of its webhook URL, once its sender is proved
   * @throws WEBHOOK_NOT_PROVED, WEBHOOK_INVALID, WEBHOOK_TOO_LARGE, WEBHOOK_REPEATED, WEBHOOK_TIMEOUT, WEBHOOK_ADDRESS,
   * TRIGGER_PAUSED, and what an invocation throws
   */
  async receive(delivery: Delivery, count: () => void): Promise<DeliveryAnswer> {
    const receivedAt = new Date();
    const row = await this.parts.store.read.triggers.at("listenerId", delivery.listenerId);
    const settings = row && settingsOf(row);
    if (row === undefined || settings?.kind !== "webhook") throw notProved();
    const { webhook } = settings;
    const verdict = await this.#verify(row, webhook, delivery, receivedAt);
    if (verdict.kind === "rejected") {
      await this.parts.log.recordUnproved(row, receivedAt, verdict.reason);
      throw notProved();
    }
    count();
    try {
      this.#assertAddress(row, webhook, delivery);
      assertSize(webhook, delivery);
      if (verdict.kind === "invalid") {
        throw new DomainError("WEBHOOK_INVALID", `Webhook rejected: ${verdict.reason}`);
      }
      const payload = await payloadOf(delivery);
      const handshake = handshakeOf(webhook.method.kind, delivery.body);
      if (handshake !== undefined) return handshake;
      assertRunning(row);
      const event = withHeader(verdict.event, webhook, delivery);
      const proved = { row, webhook, delivery, event, payload, receivedAt };
      // Limits of the function are for invocations: a repeat starts none.
      const first = await this.#firstOf(this.parts.store.read.deliveries, proved);
      return first === undefined || await this.#freesEvent(first)
        ? await this.#start(proved)
        : await this.#repeat(proved, first.invocationId ?? "");
    } catch (error) {
      if (!(error instanceof DomainError) || hasStarted(error)) throw error;
      await this.parts.log.record(row, receivedAt, { status: "REFUSED", reason: error.message });
      throw error;
    }
  }

  /** @throws WEBHOOK_ADDRESS */
  #assertAddress(row: TriggerRow, webhook: WebhookSettings, { remoteAddress }: Delivery): void {
    if (this.parts.sources.allow(row, webhook, remoteAddress)) return;
    throw new DomainError(
      "WEBHOOK_ADDRESS",
      `Webhook rejected: the address ${remoteAddress} is not in allowSourceCidrs`,
    );
  }

  async #verify(
    row: TriggerRow,
    { method }: WebhookSettings,
    { headers, body, token, listenerId }: Delivery,
    now: Date,
  ): Promise<Verdict> {
    const { secrets, keySets, url } = this.parts;
    const endpoint = `${url}/api/v1/webhooks/incoming/${listenerId}`;
    try {
      return await verifySender({ headers, body, now }, method, {
        secrets: secrets.accepted(row, now),
        token,
        audience: { endpoint, tenant: url },
        keySet: (url, isFresh) => keySets.read({ kind: "url", url }, isFresh),
      });
    } catch (error) {
      if (!(error instanceof KeySetError)) throw error;
      return { kind: "rejected", reason: error.message };
    }
  }

  async #start(proved: Proved): Promise<DeliveryAnswer> {
    const { row, webhook, delivery, event, payload } = proved;
    const { method } = webhook;
    const { authorization } = delivery.headers;
    const hasToken = authorization !== undefined && await this.parts.holdsToken(authorization);
    const isAnswered = webhook.response === "WEBHOOK_RESPONSE_FUNCTION";
    let invocationId = "";
    let isLate = false;
    try {
      const json = inputOf(delivery, { method, payload, event, hasToken });
      const started = this.parts.invocations.invoke(principalOf(row), {
        functionId: row.functionId,
        commitId: "",
        json,
        vfsId: row.volumeId ?? "",
        idempotencyKey: undefined,
        wait: isAnswered ? { kind: "until-end" } : { kind: "at-most", ms: 0 },
        trigger: { kind: "webhook", id: row.id },
        trace: traceOfRequest(delivery.headers),
        ...delivery.remoteAddress === undefined ? {} : { remoteAddress: delivery.remoteAddress },
        alongside: (tx, { id }) => {
          if (isLate) throw noStart(this.parts.timeoutMs);
          invocationId = id;
          return this.#recordStart(tx.deliveries, proved, id);
        },
      });
      if (!isAnswered) {
        await started;
        return acceptanceOf(method.kind, delivery.body);
      }
      const { status, output } = await this.#within(started, () => {
        isLate = true;
        return this.#giveUp(row, invocationId);
      });
      if (status !== "SUCCESS" || output === null) throw failed(invocationId);
      const answer = functionAnswer(await readContent(output));
      if (answer === undefined) throw failed(invocationId);
      return { kind: "function", answer };
    } catch (error) {
      if (error instanceof AlreadyStarted) {
        invocationId = "";
        return await this.#repeat(proved, error.invocationId);
      }
      if (error instanceof DomainError && error.reason === "NO_JSON_HANDLER") {
        throw failed(invocationId);
      }
      if (isLate && invocationId === "") {
        const { message: reason } = noStart(this.parts.timeoutMs);
        await this.parts.log.record(row, proved.receivedAt, { status: "REFUSED", reason });
      }
      throw error;
    } finally {
      if (invocationId !== "") this.parts.log.started();
    }
  }

  /** Records that the delivery starts an invocation, unless an earlier one of its event has. @throws AlreadyStarted */
  async #recordStart(
    deliveries: DeliveryWriter,
    proved: Proved,
    invocationId: string,
  ): Promise<void> {
    const started: DeliveryRow = {
      ...this.parts.log.newRow(proved.row, proved.receivedAt),
      status: "STARTED",
      invocationId,
    };
    const { id: eventId } = proved.event;
    if (eventId === undefined) return await deliveries.insert(started);
    if (await deliveries.insertFirst({ ...started, eventId }, keptSince(proved))) return;
    const first = await this.#firstOf(deliveries, proved);
    throw new AlreadyStarted(first?.invocationId ?? "");
  }

  /** The delivery that has started an invocation for the event. */
  async #firstOf(
    deliveries: Pick<DeliveryReader, "ofEvent">,
    proved: Proved,
  ): Promise<DeliveryRow | undefined> {
    const { row, event: { id } } = proved;
    return id === undefined ? undefined : await deliveries.ofEvent(row.id, id, keptSince(proved));
  }

  /**
   * Gives an event free whose sender waited for the function, if none of its code ran: the invocation had no slot in
   * time, or the server ended first. False for any other event: it has had its invocation.
   */
  async #freesEvent({ id, invocationId }: DeliveryRow): Promise<boolean> {
    const { store } = this.parts;
    const invocation = await store.read.invocations.getAny(invocationId ?? "");
    if (invocation?.mode !== "sync" || invocation.status !== "ERROR" || invocation.attempt > 0) {
      return false;
    }
    await store.write((tx) => tx.deliveries.reject(id, "its invocation did not start"));
    return true;
  }

  async #repeat(
    { row, webhook, delivery, event, receivedAt }: Proved,
    invocationId: string,
  ): Promise<DeliveryAnswer> {
    await this.parts.log.record(row, receivedAt, { status: "REPEAT", invocationId });
    const { kind } = webhook.method;
    if (!CONFLICT_METHODS.includes(kind)) return acceptanceOf(kind, delivery.body);
    throw new DomainError(
      "WEBHOOK_REPEATED",
      `Webhook rejected: event ${event.id} was delivered before and started invocation ` +
        invocationId,
    );
  }

  /** Ends the wait at the limit, with the error that `giveUp` returns. @throws WEBHOOK_TIMEOUT */
  async #within<T>(work: Promise<T>, giveUp: () => DomainError): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(giveUp()), this.parts.timeoutMs);
    // Its caller is gone once the sender has its answer.
    work.catch(() => {});
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Cancels the invocation whose sender has waited for the limit. @param invocationId empty if it has not started */
  #giveUp({ functionId }: TriggerRow, invocationId: string): DomainError {
    const { timeoutMs, invocations } = this.parts;
    if (invocationId === "") return noStart(timeoutMs);
    invocations.cancel(functionId, invocationId).catch((error) =>
      logger.error("Failed to cancel the invocation of a webhook: {error}", { error })
    );
    return timedOut(invocationId, timeoutMs);
  }
}

/** Since when deliveries count that have started an invocation for the event. */
function keptSince({ receivedAt }: Proved): string {
  return new Date(receivedAt.getTime() - DELIVERY_KEPT_MS).toISOString();
}

/** Whether a delivery is recorded already: an invocation was started for it, or before it. */
function hasStarted({ reason }: DomainError): boolean {
  return ["WEBHOOK_TIMEOUT", "WEBHOOK_FUNCTION_FAILED", "WEBHOOK_REPEATED", "QUEUE_TIMEOUT"]
    .includes(reason);
}

/** The id of the event in the header that the operator names, where the sender's method has none. */
function withHeader(
  event: VerifiedEvent,
  { eventIdHeader }: WebhookSettings,
  { headers }: Delivery,
): VerifiedEvent {
  if (event.id !== undefined || eventIdHeader === undefined) return event;
  return { ...event, id: headers[eventIdHeader.toLowerCase()] || undefined };
}

/** @throws WEBHOOK_TOO_LARGE */
function assertSize({ maxBytes }: WebhookSettings, { body }: Delivery): void {
  if (body.length <= maxBytes) return;
  throw new DomainError(
    "WEBHOOK_TOO_LARGE",
    `Webhook rejected: its body of ${formatBytes(body.length)} exceeds the limit of ` +
      `${formatBytes(maxBytes)} (maxBytes of the trigger)`,
  );
}

/** @throws TRIGGER_PAUSED */
function assertRunning({ id, paused }: TriggerRow): void {
  if (paused === 0) return;
  throw new DomainError("TRIGGER_PAUSED", `Trigger ${id} is paused`);
}

function notProved(): DomainError {
  return new DomainError(
    "WEBHOOK_NOT_PROVED",
    "Webhook rejected: unknown URL or invalid signature; the deliveries of the trigger give the reason",
  );
}

function failed(id: string): DomainError {
  return new DomainError(
    "WEBHOOK_FUNCTION_FAILED",
    `Invocation ${id} failed, or returned a response that cannot be sent`,
  );
}

function noStart(timeoutMs: number): DomainError {
  return new DomainError(
    "WEBHOOK_TIMEOUT",
    `No invocation could start within the limit of ${formatDuration(timeoutMs)} ` +
      "(--webhook-timeout)",
  );
}

function timedOut(id: string, timeoutMs: number): DomainError {
  return new DomainError(
    "WEBHOOK_TIMEOUT",
    `Invocation ${id} took longer than the limit of ` +
      `${formatDuration(timeoutMs)} (--webhook-timeout)`,
  );
}
