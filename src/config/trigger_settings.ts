import { bytes, duration, integer } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";

/** Limits of triggers and of deliveries to webhooks. */
export const TRIGGER_SETTINGS = {
  maxTriggers: setting("max-triggers", integer({ min: "0", max: "100000" }), {
    default: "100",
    description: "Triggers of one function",
  }),
  /** Missed times of a schedule that are caught up with. */
  maxCatchUp: setting("max-catch-up", integer({ min: "1", max: "100000" }), {
    default: "1000",
    description: "Most recent missed times of a schedule that CATCH_UP_ALL runs",
  }),
  maxWebhookBytes: setting("max-webhook", bytes({ min: "64KiB", max: "64MiB" }), {
    default: "1MiB",
    description: "Body of one delivery to a webhook; the largest maxBytes of a trigger",
  }),
  webhookTimeoutMs: setting("webhook-timeout", duration({ min: "100ms", max: "5m" }), {
    default: "10s",
    description: "How long a sender waits for a function that answers its webhook",
  }),
  /** Deliveries per second of one address, and to one webhook URL; 0 for no limit. */
  webhooksPerSecond: setting("webhook-rate", integer({ min: "0", max: "1000000" }), {
    default: "100",
    description: "Deliveries per second from an address, and to a webhook; 0: no limit",
  }),
} satisfies Rows;
