/** The verify token that Meta's handshake needs: the same at the sender and at the server. */
import { randomBytes } from "node:crypto";
import type { Trigger, TriggerChange, TriggerSecrets } from "./triggers.ts";

const TOKEN_BYTES = 32;
const WITH_TOKEN = "WEBHOOK_HANDSHAKE_META";

/**
 * A change with a new verify token, if its handshake needs a token and neither the change nor the trigger has a token.
 * @param before the trigger on the server; undefined for a new trigger
 */
export function withVerifyToken(
  change: TriggerChange,
  before: Trigger | undefined,
): { readonly change: TriggerChange; readonly made: Pick<TriggerSecrets, "webhookVerifyToken"> } {
  const { webhook } = change;
  const isMissing = webhook?.["handshake"] === WITH_TOKEN &&
    webhook["verifyToken"] === undefined && before?.webhook?.["handshake"] !== WITH_TOKEN;
  if (!isMissing) return { change, made: {} };
  const verifyToken = randomBytes(TOKEN_BYTES).toString("hex");
  return {
    change: { ...change, webhook: { ...webhook, verifyToken } },
    made: { webhookVerifyToken: verifyToken },
  };
}
