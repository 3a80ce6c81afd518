/** What the settings of the server allow a trigger to be set to. */
import { formatBytes } from "../../config/mod.ts";
import { ownHosts } from "./addresses.ts";
import { invalid } from "../errors.ts";
import type { TriggerSettings } from "./settings.ts";

/** Limits of triggers, each a named setting in `src/config`. */
export interface TriggerLimits {
  readonly maxTriggers: number;
  /** Largest `maxBytes` of a webhook. */
  readonly maxWebhookBytes: number;
  readonly hosts: HostLimits;
}

/** The hosts that an endpoint may have. */
interface HostLimits {
  /** Any host below it. */
  readonly domain: string | undefined;
  readonly listed: readonly string[];
  /** Hosts of the server, which no endpoint may have: cookies and storage of its pages belong to them. */
  readonly ofServer: readonly string[];
}

/** @throws INVALID_FIELD */
export function checkWebhook(settings: TriggerSettings, { maxWebhookBytes }: TriggerLimits): void {
  if (settings.kind !== "webhook" || settings.webhook.maxBytes <= maxWebhookBytes) return;
  throw invalid({
    field: "trigger.webhook.maxBytes",
    description: `${formatBytes(settings.webhook.maxBytes)} exceed the limit of ${
      formatBytes(maxWebhookBytes)
    } (--max-webhook)`,
  });
}

/** Asserts that requests to the host of an endpoint reach it. @throws INVALID_FIELD */
export function checkHost(settings: TriggerSettings, { hosts }: TriggerLimits): void {
  const host = settings.kind === "http" ? settings.http.host : undefined;
  if (host === undefined) return;
  const { domain, listed, ofServer } = hosts;
  const isOfServer = ofServer.includes(host);
  if (!isOfServer && ownHosts(domain, listed)(host) !== undefined) return;
  const below = domain === undefined
    ? "below --endpoint-domain, which is not set"
    : `below ${domain} (--endpoint-domain)`;
  throw invalid({
    field: "trigger.http.host",
    description: isOfServer
      ? `must not be ${host}, a host of the server (--public-url, --host)`
      : `must be in --endpoint-hosts or ${below}; ${host} is not`,
  });
}
