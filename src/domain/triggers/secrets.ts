/** Secrets of triggers: made or given, sealed in the store, opened to check a signature. */
import { randomBytes } from "node:crypto";
import type { Sealer } from "../../store/sealing.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import { invalid } from "../errors.ts";
import { checkStandardSecret, STANDARD_PREFIX } from "../standard_secret.ts";
import type { TriggerSettings } from "./settings.ts";

const SECRET_BYTES = 32;
export const TRIGGER_SECRET_CHARS_MAX = 1024;

/** A value that a header can have, and that arrives as it was sent. */
const HEADER_TEXT = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * What a secret looks like: C1's, a token in a path, that of Standard Webhooks, any text, or one that each delivery has in
 * a header.
 */
export type SecretForm = "c1" | "token" | "standard" | "text" | "plain";

/** The form of the secret of a trigger; undefined if it has none. */
export function secretFormOf(settings: TriggerSettings): SecretForm | undefined {
  if (settings.kind === "schedule") return undefined;
  if (settings.kind === "http") {
    return settings.http.auth === "ENDPOINT_AUTH_SIGNATURE" ? "standard" : undefined;
  }
  const { method } = settings.webhook;
  switch (method.kind) {
    case "hmac":
      return "c1";
    case "capabilityUrl":
      return "token";
    case "standardWebhooks":
      return "standard";
    case "github":
    case "stripe":
    case "slack":
      return "text";
    case "header":
      return method.encoding === "SIGNATURE_ENCODING_PLAIN" ? "plain" : "text";
    case "jwt":
    case "discord":
      return undefined;
  }
}

/** A new secret of a form. */
export function makeSecret(form: SecretForm): string {
  const bytes = randomBytes(SECRET_BYTES);
  switch (form) {
    case "c1":
    case "token":
      return bytes.toString("base64url");
    case "standard":
      return STANDARD_PREFIX + bytes.toString("base64");
    case "text":
    case "plain":
      return bytes.toString("hex");
  }
}

/** @param field of the secret in the request @throws INVALID_FIELD */
export function checkSecret(form: SecretForm, secret: string, field: string): void {
  if (form === "c1" || form === "token") {
    throw invalid({ field, description: "must be absent: the server makes this secret" });
  }
  if (form === "plain" && !HEADER_TEXT.test(secret)) {
    throw invalid({
      field,
      description: "must have printable ASCII characters alone, and no spaces at its ends: each " +
        "delivery has it in a header",
    });
  }
  if (form === "standard") checkStandardSecret(secret, field);
}

/** The context that binds a sealed secret to its trigger. */
export function triggerSecretContext(triggerId: string): string {
  return `trigger:${triggerId}`;
}

/** The context that binds a sealed verify token to its trigger. */
export function verifyTokenContext(triggerId: string): string {
  return `verify-token:${triggerId}`;
}

/** Seals and opens the secrets of triggers. */
export class TriggerSecrets {
  constructor(private readonly sealer: Sealer) {}

  seal(triggerId: string, secret: string): Uint8Array {
    return this.sealer.seal(new TextEncoder().encode(secret), triggerSecretContext(triggerId));
  }

  sealVerifyToken(triggerId: string, token: string): Uint8Array {
    return this.sealer.seal(new TextEncoder().encode(token), verifyTokenContext(triggerId));
  }

  /** The text that a handshake must have; undefined without one. */
  verifyToken({ id, sealedVerifyToken }: TriggerRow): string | undefined {
    return sealedVerifyToken === null ? undefined : new TextDecoder().decode(
      this.sealer.open(sealedVerifyToken, verifyTokenContext(id)),
    );
  }

  /** The secrets that are accepted now: the current one, and the replaced one while it has not expired. */
  accepted(row: TriggerRow, now: Date): string[] {
    const { id, sealedSecret, sealedOldSecret, oldSecretUntil } = row;
    const isOldAccepted = (oldSecretUntil ?? "") > now.toISOString();
    return [sealedSecret, isOldAccepted ? sealedOldSecret : null]
      .filter((sealed) => sealed !== null)
      .map((sealed) =>
        new TextDecoder().decode(this.sealer.open(sealed, triggerSecretContext(id)))
      );
  }
}
