/** What triggers do, in words. */
import { useSyncExternalStore } from "react";
import { HTTP, WEBHOOK } from "../../../../../src/resources/triggers.ts";
import type { Trigger } from "../../../api/client.ts";
import { optionsOf } from "../typed_values.ts";

/** The kind of a trigger, as its form and its settings are called. */
export type Kind = "schedule" | "webhook" | "http";

export const KIND_WORDS: Readonly<Record<Kind, string>> = {
  schedule: "Schedule",
  webhook: "Webhook",
  http: "Endpoint",
};

export function kindOf({ schedule, webhook }: Trigger): Kind {
  if (schedule !== undefined) return "schedule";
  return webhook !== undefined ? "webhook" : "http";
}

export const METHODS = [
  { value: "github", label: "GitHub", hasSecret: true },
  { value: "stripe", label: "Stripe", hasSecret: true },
  { value: "slack", label: "Slack", hasSecret: true },
  { value: "discord", label: "Discord", hasSecret: false },
  { value: "standardWebhooks", label: "Standard Webhooks", hasSecret: true },
  { value: "header", label: "HMAC or token in a header", hasSecret: true },
  { value: "capabilityUrl", label: "Secret URL", hasSecret: false },
  { value: "hmac", label: "C1's signature", hasSecret: false },
  { value: "jwt", label: "C1's token", hasSecret: false },
] as const;
export type Method = (typeof METHODS)[number]["value"];

/** The handshake that needs a verify token. */
export const META = "WEBHOOK_HANDSHAKE_META";
/** What webhooks answer to GET and HEAD. */
export const HANDSHAKES = [
  { value: "", label: "As if there were no webhook" },
  ...optionsOf(WEBHOOK.handshake),
] as const;

/** What a webhook answers to GET and HEAD, in words. */
export function handshakeInWords(handshake: string): string {
  return HANDSHAKES.find(({ value }) => value === handshake)?.label ?? handshake;
}

/** How a webhook proves its senders. */
export function methodOf({ webhook }: Trigger): Method {
  const found = METHODS.find(({ value }) => webhook?.[value] !== undefined);
  return found?.value ?? "hmac";
}

/** Whether the server keeps a secret for the trigger. */
export function hasSecret(trigger: Trigger): boolean {
  if (trigger.http !== undefined) return trigger.http.auth === "ENDPOINT_AUTH_SIGNATURE";
  return trigger.webhook !== undefined && !["jwt", "discord"].includes(methodOf(trigger));
}

/** Whether a sender may choose the secret: C1's are made by the server. */
export function canGiveSecret(trigger: Trigger): boolean {
  if (trigger.http !== undefined) return hasSecret(trigger);
  return METHODS.some(({ value, hasSecret }) => value === methodOf(trigger) && hasSecret);
}

/** Where senders deliver to; the whole address of one that is its own secret is shown once. */
export function addressOf({ webhook, http }: Trigger): string {
  const { origin } = globalThis.location;
  if (webhook !== undefined) return `${origin}/api/v1/webhooks/incoming/${webhook.listenerId}`;
  return http === undefined ? "" : `${origin}/run/${http.slug}/`;
}

type Translate = (line: string, options: { readonly use24HourTimeFormat: boolean }) => string;

let translate: Translate | undefined;

/** Loads what puts cron lines into words, and renders the component again once it is there. */
export function useCronWords(): void {
  useSyncExternalStore(loadCronWords, () => translate);
}

function loadCronWords(onLoaded: () => void): () => void {
  let isWanted = true;
  void import("cronstrue").then(({ default: cronstrue }) => {
    translate ??= (line, options) => cronstrue.toString(line, options);
    if (isWanted) onLoaded();
  });
  return () => {
    isWanted = false;
  };
}

/** A cron line in words; undefined for one that is not understood, and until the words are loaded. */
export function cronInWords(line: string): string | undefined {
  if (line.trim() === "") return undefined;
  try {
    return translate?.(line.trim(), { use24HourTimeFormat: true });
  } catch {
    return undefined;
  }
}

/** The zone of the reader. */
export const LOCAL_ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A time in a zone, with its day of the week; in UTC if the browser does not know the zone. */
export function timeIn(zone: string, time: Date): string {
  const options = { dateStyle: "full", timeStyle: "short" } as const;
  try {
    return new Intl.DateTimeFormat(undefined, { ...options, timeZone: zone }).format(time);
  } catch {
    return new Intl.DateTimeFormat(undefined, { ...options, timeZone: "UTC" }).format(time);
  }
}

/** What a schedule does, in words. */
function scheduleInWords({ cronSpec, at, timezone }: NonNullable<Trigger["schedule"]>) {
  if (at !== undefined) return `Once, on ${timeIn(timezone, new Date(at))} (${timezone})`;
  return `${cronInWords(cronSpec ?? "") ?? cronSpec ?? ""} (${timezone})`;
}

/** Who may call an endpoint, as text. */
function authInWords(auth: string | undefined): string {
  return optionsOf(HTTP.auth).find(({ value }) => value === auth)?.label ?? "";
}

/** What a trigger does, in words. */
export function inWords(trigger: Trigger): string {
  const { schedule, webhook, http } = trigger;
  if (schedule !== undefined) return scheduleInWords(schedule);
  if (webhook !== undefined) {
    const method = METHODS.find(({ value }) => value === methodOf(trigger));
    return `${method?.label ?? ""} at ${new URL(addressOf(trigger)).pathname}`;
  }
  return `${authInWords(http?.auth)} may call /run/${http?.slug ?? ""}/`;
}
