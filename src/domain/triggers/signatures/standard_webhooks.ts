/** Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
import { standardKey } from "../secrets.ts";
import { hmacSha256, isSignedByAny } from "./hmac.ts";
import { rejected, type SignedRequest, type Verdict, verified } from "./verdict.ts";

/** Signatures of one header that are tried; a sender that rotates its secret sends two. */
const SIGNATURES_MAX = 16;

/** The signature of a message, as the header `webhook-signature` has it. @param seconds Unix time */
export function standardSignature(
  secret: string,
  { id, seconds, body }: {
    readonly id: string;
    readonly seconds: number | string;
    readonly body: string | Uint8Array;
  },
): string {
  const key = standardKey(secret) ?? new Uint8Array();
  return `v1,${hmacSha256(key, `${id}.${seconds}.`, body).toString("base64")}`;
}

/** Verifies a request by the secrets that are accepted. */
export function verifyStandardWebhook(
  { headers, body, now }: SignedRequest,
  secrets: readonly string[],
): Verdict {
  const id = headers["webhook-id"];
  const seconds = headers["webhook-timestamp"];
  const signatures = headers["webhook-signature"]?.split(" ").slice(0, SIGNATURES_MAX);
  if (!id || !seconds || signatures === undefined) {
    return rejected("webhook-id, webhook-timestamp or webhook-signature is missing");
  }
  const isSigned = isSignedByAny(
    secrets,
    signatures,
    (secret) => standardSignature(secret, { id, seconds, body }),
  );
  return isSigned ? verified({ now, seconds, id }) : rejected("the signature is wrong");
}
