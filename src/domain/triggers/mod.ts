import type { PublicGet } from "../../sandbox/mod.ts";
import type { Store } from "../../store/mod.ts";
import type { Sealer } from "../../store/sealing.ts";
import type { Ids } from "../ids.ts";
import type { Invocations } from "../invocations/invocations.ts";
import type { Pages } from "../paging.ts";
import type { Scheduler } from "../scheduling/scheduler.ts";
import { DeliveryLog } from "./delivery_log.ts";
import { Handshakes } from "./handshakes.ts";
import { KeySets } from "./key_sets.ts";
import type { TriggerLimits } from "./limits.ts";
import { WebhookUrls } from "./webhook_urls.ts";
import { Schedules } from "./schedules.ts";
import { TriggerSecrets } from "./secrets.ts";
import { Triggers } from "./triggers.ts";

/** What triggers and their webhook URLs are built from. */
export interface TriggerSources {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly ids: Ids;
  readonly pages: Pages;
  readonly invocations: Invocations;
  readonly scheduler: Scheduler;
  readonly publicGet: PublicGet;
  readonly limits: {
    readonly triggers: TriggerLimits & {
      readonly webhookTimeoutMs: number;
      readonly maxCatchUp: number;
    };
  };
  /** Base URL of the server. */
  readonly url: string;
  /** Whether a text has an access token of this server. */
  readonly holdsToken: (text: string) => boolean;
}

/** Builds triggers, and what takes deliveries for them. */
export function openTriggers(
  sources: TriggerSources,
): {
  readonly triggers: Triggers;
  readonly schedules: Schedules;
  readonly webhookUrls: WebhookUrls;
  readonly handshakes: Handshakes;
} {
  const { store, sealer, ids, pages, invocations, scheduler, publicGet, limits, url } = sources;
  const secrets = new TriggerSecrets(sealer);
  const log = new DeliveryLog({ store, ids });
  const triggers = new Triggers({
    store,
    secrets,
    pages,
    ids,
    limits: limits.triggers,
    invocations,
    url,
    onPlanned: () => scheduler.wake(),
  });
  const { maxCatchUp } = limits.triggers;
  const schedules = new Schedules({ store, invocations, triggers, maxCatchUp });
  scheduler.register(schedules);
  return {
    triggers,
    schedules,
    webhookUrls: new WebhookUrls({
      store,
      invocations,
      secrets,
      keySets: new KeySets(publicGet),
      log,
      holdsToken: sources.holdsToken,
      timeoutMs: limits.triggers.webhookTimeoutMs,
      url,
    }),
    handshakes: new Handshakes({ store, secrets, log }),
  };
}
