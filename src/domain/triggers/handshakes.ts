/** Requests by which a sender checks the address of a webhook, before it delivers anything. */
import type { Store } from "../../store/mod.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { DomainError } from "../errors.ts";
import type { DeliveryLog } from "./delivery_log.ts";
import type { TriggerSecrets } from "./secrets.ts";
import { settingsOf, type WebhookHandshake, type WebhookSettings } from "./settings.ts";
import { isCapability } from "./signatures/c1.ts";
import { isEqual } from "./signatures/hmac.ts";
import type { WebhookSources } from "./sources.ts";

/** Longest challenge that is answered; those of Meta and Dropbox have less than 64 characters. */
export const CHALLENGE_CHARS_MAX = 256;
/** What needs no encoding anywhere: the answer repeats what a stranger chose. */
const CHALLENGE = /^[\w.~+/=-]+$/;

/** A GET or HEAD of a webhook's address. */
interface HandshakeRequest {
  readonly listenerId: string;
  /** The token in the path; undefined without one. */
  readonly token: string | undefined;
  readonly query: URLSearchParams;
  readonly remoteAddress: string | undefined;
}

/** What handshakes work with. */
interface HandshakeParts {
  readonly store: Store;
  readonly secrets: TriggerSecrets;
  readonly log: DeliveryLog;
  readonly sources: WebhookSources;
}

/** The answer to a handshake, or why it gets none. */
type HandshakeVerdict =
  | { readonly kind: "accepted"; readonly text: string }
  | { readonly kind: "rejected"; readonly reason: string };

/**
 * Answers the handshakes of webhooks, also of paused ones: a handshake starts nothing. All others get the answer of an
 * address that does not exist, so that it shows no stranger which ones do.
 */
export class Handshakes {
  constructor(private readonly parts: HandshakeParts) {}

  /**
   * The text that a handshake is answered.
   * @param count counts it against the rate of its webhook URL, once it is accepted
   * @throws METHOD_NOT_ALLOWED
   */
  async answer(request: HandshakeRequest, count: () => void): Promise<string> {
    const receivedAt = new Date();
    const row = await this.parts.store.read.triggers.at("listenerId", request.listenerId);
    const settings = row && settingsOf(row);
    if (row === undefined || settings?.kind !== "webhook") throw methodNotAllowed();
    const { handshake } = settings.webhook;
    if (handshake === undefined) throw methodNotAllowed();
    const verdict = this.#verdictOn(request, row, settings.webhook, handshake, receivedAt);
    if (verdict.kind === "accepted") {
      count();
      return verdict.text;
    }
    await this.parts.log.recordUnproved(row, receivedAt, `handshake: ${verdict.reason}`);
    throw methodNotAllowed();
  }

  #verdictOn(
    { token, query, remoteAddress }: HandshakeRequest,
    row: TriggerRow,
    webhook: WebhookSettings,
    handshake: WebhookHandshake,
    now: Date,
  ): HandshakeVerdict {
    const { secrets, sources } = this.parts;
    const isAddress = webhook.method.kind === "capabilityUrl"
      ? isCapability(secrets.accepted(row, now), token)
      : token === undefined;
    if (!isAddress) return rejected("the token in the path is wrong or missing");
    if (!sources.allow(row, webhook, remoteAddress)) {
      return rejected(`the address ${remoteAddress} is not in allowSourceCidrs`);
    }
    switch (handshake) {
      case "WEBHOOK_HANDSHAKE_META":
        return answerMeta(query, secrets.verifyToken(row));
      case "WEBHOOK_HANDSHAKE_DROPBOX":
        return echo(query, "challenge");
      case "WEBHOOK_HANDSHAKE_PING":
        return { kind: "accepted", text: "" };
    }
  }
}

/** https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests */
function answerMeta(query: URLSearchParams, verifyToken: string | undefined): HandshakeVerdict {
  if (verifyToken === undefined || !isEqual(query.get("hub.verify_token") ?? "", verifyToken)) {
    return rejected("hub.verify_token is not the verifyToken of the trigger");
  }
  if (query.get("hub.mode") !== "subscribe") return rejected("hub.mode is not subscribe");
  return echo(query, "hub.challenge");
}

/** https://www.dropbox.com/developers/reference/webhooks#documentation */
function echo(query: URLSearchParams, name: string): HandshakeVerdict {
  const [challenge, ...others] = query.getAll(name);
  if (challenge === undefined || others.length > 0) {
    return rejected(`the query must have ${name} once`);
  }
  if (challenge.length > CHALLENGE_CHARS_MAX || !CHALLENGE.test(challenge)) {
    return rejected(
      `${name} must have 1 to ${CHALLENGE_CHARS_MAX} letters, digits or characters of -._~+/=; ` +
        `it has ${challenge.length} characters`,
    );
  }
  return { kind: "accepted", text: challenge };
}

function rejected(reason: string): HandshakeVerdict {
  return { kind: "rejected", reason };
}

/** One answer for every address and every method, whether a webhook has the address or not. */
export function methodNotAllowed(): DomainError {
  return new DomainError(
    "METHOD_NOT_ALLOWED",
    "Webhook rejected: send POST; GET and HEAD are accepted only as the handshake of the trigger",
  );
}
