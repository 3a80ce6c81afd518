/** The three ways in which C1 proves who sent a webhook. */
import { createHash } from "node:crypto";
import { errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import { verifyByKeySet } from "../../key_sets.ts";
import { hmacSha256, isEqual, isSignedByAny } from "./hmac.ts";
import { rejected, type SignedRequest, type Verdict, verified } from "./verdict.ts";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const ALGORITHMS = ["RS256", "ES256", "EdDSA"];
const LIFETIME_MAX_S = 10 * 60;

/** The signature of C1's HMAC. @param seconds Unix time */
export function c1Signature(
  secret: string,
  { id, seconds, body }: {
    readonly id: string;
    readonly seconds: number | string;
    readonly body: string | Uint8Array;
  },
): string {
  return hmacSha256(secret, `${seconds}.${id}.`, body).toString("base64url");
}

export function verifyHmac(
  { headers, body, now }: SignedRequest,
  secrets: readonly string[],
): Verdict {
  const id = headers["webhook-event-id"];
  const seconds = headers["webhook-timestamp"];
  const signature = headers["webhook-signature"];
  if (!id || !seconds || signature === undefined) {
    return rejected("Webhook-Event-Id, Webhook-Timestamp or Webhook-Signature is missing");
  }
  const isSigned = isSignedByAny(
    secrets,
    [signature],
    (secret) => c1Signature(secret, { id, seconds, body }),
  );
  if (!isSigned) return rejected("the signature is wrong");
  return withUuid(id, verified({ now, seconds, id }));
}

/** @param token of the path */
export function verifyCapability(
  { headers, now }: SignedRequest,
  secrets: readonly string[],
  token: string | undefined,
): Verdict {
  if (!isCapability(secrets, token)) {
    return rejected("the token in the path is wrong or missing");
  }
  const id = headers["webhook-event-id"];
  const event = verified({ now, seconds: headers["webhook-timestamp"], id });
  return id === undefined ? event : withUuid(id, event);
}

/** Whether the token of a path is one of the secrets. */
export function isCapability(secrets: readonly string[], token: string | undefined): boolean {
  return token !== undefined && isSignedByAny(secrets, [token], (secret) => secret);
}

/** Where a JWT must be meant for. */
export interface Audience {
  /** The address of the webhook URL. */
  readonly endpoint: string;
  /** Base URL of the server. */
  readonly tenant: string;
}

/** @param keySet reads the key set; `isFresh` asks for one that was not kept */
export async function verifyJwt(
  { headers, body, now }: SignedRequest,
  { endpoint, tenant }: Audience,
  keySet: (isFresh: boolean) => Promise<JSONWebKeySet>,
): Promise<Verdict> {
  const [, token] = /^bearer +(\S+)$/i.exec(headers["authorization"] ?? "") ?? [];
  if (token === undefined) return rejected("Authorization: Bearer is missing");
  let claims: JWTPayload;
  try {
    const options = {
      algorithms: ALGORITHMS,
      audience: endpoint,
      subject: tenant,
      requiredClaims: ["exp", "jti"],
      currentDate: now,
    };
    ({ payload: claims } = await verifyByKeySet((key) => jwtVerify(token, key, options), keySet));
  } catch (error) {
    if (!(error instanceof errors.JOSEError)) throw error;
    return rejected(`the token is wrong: ${error.message}`);
  }
  const digest = createHash("sha256").update(body).digest("base64url");
  const failure = errorOf(claims, digest, now);
  if (failure !== undefined) return rejected(`the token is wrong: ${failure}`);
  const id = claims.jti ?? "";
  if (headers["webhook-event-id"] !== undefined && headers["webhook-event-id"] !== id) {
    return { kind: "invalid", reason: "Webhook-Event-Id is not the jti of the token" };
  }
  return withUuid(id, verified({ now, seconds: headers["webhook-timestamp"], id }));
}

function errorOf(claims: JWTPayload, digest: string, now: Date): string | undefined {
  const { exp = 0, htm, htb_s256: bodyDigest } = claims;
  if (exp - now.getTime() / 1000 > LIFETIME_MAX_S) return "exp is more than 10 minutes ahead";
  if (htm !== "POST") return "htm is not POST";
  if (typeof bodyDigest !== "string" || !isEqual(bodyDigest, digest)) {
    return "htb_s256 is not the SHA-256 of the body";
  }
  return undefined;
}

function withUuid(id: string, verdict: Verdict): Verdict {
  if (verdict.kind !== "verified" || UUID_V4.test(id)) return verdict;
  return { kind: "invalid", reason: "Webhook-Event-Id is not a UUID of version 4" };
}
