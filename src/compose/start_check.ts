/** Reads, as a start does, all files that settings name, and checks the object store. */
import type { Config } from "../config/mod.ts";
import { readCertificates } from "./setting_files.ts";
import { checkTls } from "./tls.ts";

/** One for each kind of file; a check loads no modules for files that the settings do not name. */
const CHECKS: readonly ((config: Config) => Promise<unknown>)[] = [
  (config) =>
    checkTls(config).catch((error) => {
      throw new Error(`invalid --tls-cert or --tls-key: ${error.message}`);
    }),
  async ({ telemetry }) => {
    if (telemetry.otlpEndpoint === undefined) return;
    await (await import("./telemetry.ts")).checkCollectorFiles(telemetry);
  },
  async ({ oidc }) => {
    if (oidc.issuer === undefined) return;
    const { checkedRoles, readProviderFiles } = await import("./people.ts");
    checkedRoles(oidc);
    await readProviderFiles(oidc);
  },
  async (config) => {
    const { url, urlFile } = config.alerts;
    if (url === undefined && urlFile === undefined) return;
    await (await import("./alerts.ts")).readReceiver(config);
  },
  async (config) => {
    if (config.egress.caFile === undefined) return;
    await (await import("./sandboxes.ts")).egressOptions(config);
  },
  async ({ database }) => {
    const { url } = database;
    if (url === undefined) return;
    await (await import("../store/postgres/address.ts")).clientConfigsOf({ ...database, url });
  },
  async ({ identity: { masterKey, masterKeyFile } }) => {
    if (masterKey !== undefined || masterKeyFile === undefined) return;
    await (await import("../store/master_key.ts")).sharedMasterKeys(masterKeyFile);
  },
  async ({ nats: { urls, credentialsFile, caFile } }) => {
    if (urls === undefined) return;
    if (caFile !== undefined && urls.some((url) => url.startsWith("tls:"))) {
      await readCertificates("--nats-ca", caFile);
    }
    if (credentialsFile === undefined) return;
    await (await import("../cluster/nats/credentials.ts")).readCredentials(credentialsFile);
  },
];

/** Why a server would not start because of files that settings name: a message for each kind of file. */
export async function unusableFiles(config: Config): Promise<readonly string[]> {
  const results = await Promise.allSettled(CHECKS.map((check) => check(config)));
  return results.filter((result) => result.status === "rejected")
    .map(({ reason }) => reason instanceof Error ? reason.message : String(reason));
}

/** Why an API node could not start on S3; undefined if it could, and without S3. */
export async function objectStoreObstacle({ nats }: Config): Promise<string | undefined> {
  const { objects: address, environmentS3Keys: keys } = nats;
  if (address.kind !== "s3") return undefined;
  const { assertLasting, checkS3 } = await import("../cluster/objects/s3/store.ts");
  try {
    assertLasting(address, keys);
    await checkS3(address, keys);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
