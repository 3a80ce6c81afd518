/**
 * Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * Svix, which Clerk, Resend and others send by, has names of its own for the same headers:
 * https://docs.svix.com/receiving/verifying-payloads/how-manual
 */
import { standardKey } from "../../standard_secret.ts";
import { hmacSha256, isSignedByAny } from "./hmac.ts";
import { rejected, type SignedRequest, type Verdict, verified } from "./verdict.ts";

/** What the names of the three headers begin with; the first complete set counts. */
const PREFIXES = ["webhook", "svix"] as const;
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

/** What a request says of its message, all in one set of names. */
interface Said {
  readonly id: string;
  readonly seconds: string;
  readonly signature: string;
}

/** The first complete set of headers: a signature never counts for the id or time of the other set. */
function saidIn(headers: SignedRequest["headers"]): Said | undefined {
  for (const prefix of PREFIXES) {
    const id = headers[`${prefix}-id`];
    const seconds = headers[`${prefix}-timestamp`];
    const signature = headers[`${prefix}-signature`];
    if (id && seconds && signature !== undefined) return { id, seconds, signature };
  }
  return undefined;
}

/** Verifies a request by the secrets that are accepted. */
export function verifyStandardWebhook(
  { headers, body, now }: SignedRequest,
  secrets: readonly string[],
): Verdict {
  const said = saidIn(headers);
  if (said === undefined) {
    return rejected(
      "webhook-id, webhook-timestamp or webhook-signature is missing, and so is one of svix-id, " +
        "svix-timestamp and svix-signature",
    );
  }
  const { id, seconds, signature } = said;
  const isSigned = isSignedByAny(
    secrets,
    signature.split(" ").slice(0, SIGNATURES_MAX),
    (secret) => standardSignature(secret, { id, seconds, body }),
  );
  return isSigned ? verified({ now, seconds, id }) : rejected("the signature is wrong");
}
