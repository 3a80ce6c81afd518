import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import type { Api } from "../client/api.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import { PASSED_AT, type TriggerSettings } from "../client/triggers.ts";
import {
  applyDifferences,
  type DeclaredTriggers,
  differencesOf,
  type TriggerDifference,
} from "../folder/triggers.ts";
import { keepTriggerSecrets } from "./trigger_secrets.ts";

/**
 * The triggers of a folder on a local server. Schedules are paused: `invoked trigger run` starts them. The secrets of
 * webhooks are in the data directory, so that `invoked trigger test` can sign. A webhook of Discord gets its own key.
 * Hosts of endpoints and networks of senders are left out.
 */
export class LocalTriggers {
  readonly #secrets: Record<string, string> = {};
  #declared = "";

  constructor(private readonly api: Api, private readonly dataDir: string) {}

  /** Applies the triggers of the folder. */
  async sync(fn: RemoteFunction, declared: DeclaredTriggers = {}): Promise<void> {
    const text = JSON.stringify(declared);
    if (text === this.#declared) return;
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const x = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
    const differences = await differencesOf(
      this.api,
      localOf(declared, x.toString("hex")),
      fn,
    );
    const applied = await applyDifferences(this.api, fn, differences.map(paused), true);
    for (const { id, name, change, ...secrets } of applied) {
      const { webhookHmacSecret, webhookSecret, webhookCapabilityUrl } = secrets;
      const secret = change !== "removed" && declared[name]?.webhook?.["discord"] !== undefined
        ? String(privateKey.export({ format: "pem", type: "pkcs8" }))
        : webhookHmacSecret ?? webhookSecret ?? webhookCapabilityUrl;
      if (secret === undefined) continue;
      this.#secrets[id] = secret;
      await keepTriggerSecrets(this.dataDir, this.#secrets);
    }
    this.#declared = text;
  }
}

/** Pauses schedules. */
function paused(difference: TriggerDifference): TriggerDifference {
  const { wanted } = difference;
  if (wanted?.schedule === undefined) return difference;
  return { ...difference, wanted: { ...wanted, paused: true } };
}

/** The triggers as a local server can have them. @param publicKey in place of Discord's */
function localOf(declared: DeclaredTriggers, publicKey: string): DeclaredTriggers {
  return Object.fromEntries(
    Object.entries(declared).map(([name, { schedule, webhook, http, ...others }]) => [name, {
      ...others,
      ...schedule === undefined ? {} : { schedule: localSchedule(schedule) },
      ...webhook === undefined ? {} : { webhook: localWebhook(webhook, publicKey) },
      ...http === undefined ? {} : { http: localEndpoint(http) },
    }]),
  );
}

/**
 * Replaces a time in the past, which a server rejects, by a time in the future. The schedule never starts: it is
 * paused.
 */
function localSchedule(schedule: TriggerSettings): TriggerSettings {
  return Date.parse(String(schedule["at"])) <= Date.now()
    ? { ...schedule, at: PASSED_AT }
    : schedule;
}

/** Without the networks of its sender: the developer sends. */
function localWebhook(
  { allowSourceCidrs: _, ...webhook }: TriggerSettings,
  publicKey: string,
): TriggerSettings {
  return webhook["discord"] === undefined ? webhook : { ...webhook, discord: { publicKey } };
}

/** Without its host: a local server has no host names. */
function localEndpoint({ host: _, ...http }: TriggerSettings): TriggerSettings {
  return http;
}
