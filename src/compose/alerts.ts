/** Builds the alerts from Config. */
import { type Config, Secret, type SecretUrl, secretUrl } from "../config/mod.ts";
import { Alerts } from "../domain/alerts/alerts.ts";
import { AlertPosts, type AlertReceiver } from "../domain/alerts/posts.ts";
import { AlertWatch } from "../domain/alerts/watch.ts";
import type { Statistics } from "../domain/functions/statistics.ts";
import { STANDARD_FORM, standardKey } from "../domain/standard_secret.ts";
import { isAllowed } from "../sandbox/mod.ts";
import { measureDisk } from "./disk.ts";
import type { DomainParts } from "./parts.ts";
import { readSecretFile } from "./setting_files.ts";

/** Everything about alerts: what answers requests, and what runs until the server closes, in the order in which it opens. */
export async function openAlerts(
  { config, store, ids, ownership: { node }, publicPost: post, url, nodeName }: DomainParts,
  statistics: Statistics,
) {
  const receiver = await readReceiver(config);
  const posts = new AlertPosts({ store, node, post, receiver, url });
  const watch = new AlertWatch({
    store,
    statistics,
    node,
    ids,
    posts,
    measureDisk: () => measureDisk(config.server.dataDir),
    nodeName,
    intervalMs: config.alerts.intervalMs,
  });
  return { alerts: new Alerts(store, posts, receiver, ids), background: [posts, watch] };
}

/**
 * Where alerts go, with what `--alert-url-file` and `--alert-secret-file` contain; undefined without a receiver.
 * @throws Error, whose message has neither the URL nor the secret
 */
export async function readReceiver({ alerts }: Config): Promise<AlertReceiver | undefined> {
  const { url: given, urlFile, secretFile } = alerts;
  const url = given ?? (urlFile === undefined ? undefined : await readUrl(urlFile));
  if (url === undefined) return undefined;
  if (isAllowed(url.reveal(), []) === "no-url") {
    throw new Error(
      `invalid ${
        given === undefined ? "--alert-url-file" : "--alert-url"
      }: the host of the URL is not a host name or an IP address`,
    );
  }
  const secret = secretFile === undefined ? undefined : await readSigningSecret(secretFile);
  return { url, secret };
}

async function readUrl(path: string): Promise<SecretUrl> {
  const { parse, accepts } = secretUrl();
  const url = parse((await readSecretFile("--alert-url-file", path)).reveal());
  if (url !== undefined) return url;
  throw new Error(`invalid --alert-url-file: the first line of ${path} is not ${accepts}`);
}

async function readSigningSecret(path: string): Promise<Secret> {
  const secret = await readSecretFile("--alert-secret-file", path);
  if (standardKey(secret.reveal()) !== undefined) return secret;
  throw new Error(
    `invalid --alert-secret-file: the first line of ${path} is not ${STANDARD_FORM}`,
  );
}
