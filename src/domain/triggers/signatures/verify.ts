import type { JSONWebKeySet } from "jose";
import type { WebhookMethod } from "../settings.ts";
import { type Audience, verifyCapability, verifyHmac, verifyJwt } from "./c1.ts";
import { verifyDiscord, verifyGithub, verifyHeader, verifySlack, verifyStripe } from "./presets.ts";
import { verifyStandardWebhook } from "./standard_webhooks.ts";
import { rejected, type SignedRequest, type Verdict } from "./verdict.ts";

/** What a method knows besides the request. */
export interface Proof {
  /** The secrets that are accepted. */
  readonly secrets: readonly string[];
  /** The token in the path of a capability URL. */
  readonly token: string | undefined;
  readonly audience: Audience;
  readonly keySet: (url: string, isFresh: boolean) => Promise<JSONWebKeySet>;
}

/** Whether a request proves its sender by a method. */
export async function verifySender(
  request: SignedRequest,
  method: WebhookMethod,
  { secrets, token, audience, keySet }: Proof,
): Promise<Verdict> {
  if (token !== undefined && method.kind !== "capabilityUrl") {
    return rejected("the path has a token, which the method does not use");
  }
  switch (method.kind) {
    case "hmac":
      return verifyHmac(request, secrets);
    case "capabilityUrl":
      return verifyCapability(request, secrets, token);
    case "jwt":
      return await verifyJwt(request, audience, (isFresh) => keySet(method.jwksUrl, isFresh));
    case "standardWebhooks":
      return verifyStandardWebhook(request, secrets);
    case "github":
      return verifyGithub(request, secrets);
    case "stripe":
      return verifyStripe(request, secrets);
    case "slack":
      return verifySlack(request, secrets);
    case "discord":
      return verifyDiscord(request, method.publicKey);
    case "header":
      return verifyHeader(request, secrets, method);
  }
}
