import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import type { Api } from "../client/api.ts";
import type { RemoteFunction } from "../client/schemas.ts";
import type { TriggerSettings } from "../client/triggers.ts";
import { applyDifferences, type DeclaredTriggers, differencesOf } from "../folder/triggers.ts";
import { keepTriggerSecrets } from "./trigger_secrets.ts";

/**
 * The triggers of a folder on a local server. Schedules are paused: `invoked trigger run` starts them. The secrets of
 * webhooks are in the data directory, so that `invoked trigger test` can sign. A webhook of Discord gets a key of its own.
 * Hosts of endpoints and networks of senders are left out.
 */
export class LocalTriggers {
  readonly #secrets: Record<string, string> = {};
  #declared = "";

  constructor(private readonly api: Api, private readonly dataDir: string) {}

  /** Makes the triggers those of the folder; answers the names of those that changed. */
  async sync(fn: RemoteFunction, declared: DeclaredTriggers = {}): Promise<readonly string[]> {
    const text = JSON.stringify(declared);
    if (text === this.#declared) return [];
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const x = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
    const differences = await differencesOf(
      this.api,
      localOf(declared, x.toString("hex")),
      fn,
    );
    const applied = await applyDifferences(
      this.api,
      fn,
      differences.map((each) =>
        each.wanted?.schedule === undefined
          ? each
          : { ...each, wanted: { ...each.wanted, paused: true } }
      ),
      true,
    );
    for (const { id, webhookHmacSecret, webhookSecret, webhookCapabilityUrl } of applied) {
      const secret = webhookHmacSecret ?? webhookSecret ?? webhookCapabilityUrl;
      if (secret !== undefined) this.#secrets[id] = secret;
    }
    for (const { id, name } of applied) {
      if (declared[name]?.webhook?.["discord"] === undefined) continue;
      this.#secrets[id] = String(privateKey.export({ format: "pem", type: "pkcs8" }));
    }
    await keepTriggerSecrets(this.dataDir, this.#secrets);
    this.#declared = text;
    return applied.map(({ name }) => name);
  }
}

/** The triggers as a local server can have them. @param publicKey in place of Discord's */
function localOf(declared: DeclaredTriggers, publicKey: string): DeclaredTriggers {
  return Object.fromEntries(
    Object.entries(declared).map(([name, { webhook, http, ...others }]) => [name, {
      ...others,
      ...webhook === undefined ? {} : { webhook: localWebhook(webhook, publicKey) },
      ...http === undefined ? {} : { http: localEndpoint(http) },
    }]),
  );
}

/** Without the networks of its sender: the developer sends. */
function localWebhook(
  { allowSourceCidrs: _, ...webhook }: TriggerSettings,
  publicKey: string,
): TriggerSettings {
  return webhook["discord"] === undefined ? webhook : { ...webhook, discord: { publicKey } };
}

/** Without its host: a local server has none of its own. */
function localEndpoint({ host: _, ...http }: TriggerSettings): TriggerSettings {
  return http;
}
