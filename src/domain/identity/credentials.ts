import { createHash, randomInt, timingSafeEqual } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";
import type { CredentialRow } from "../../store/identity.ts";

const SECRET_PREFIX = "secret-token:conductorone.com:v1:";
const ADJECTIVES = words(`
  amber brisk calm daring eager fabled gentle hidden ivory jolly keen lively
  mellow noble olive proud quiet rapid strange tidal upbeat vivid wise zesty`);
const CREATURES = words(`
  badger condor dragon egret falcon gecko hydra ibis jackal kestrel lynx marten
  narwhal otter puffin quokka raven sphinx tapir unicorn viper walrus yak zebu`);

/** What a client gets; the server does not keep the secret. */
export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** What the server keeps of a credential. */
interface CredentialRecord {
  readonly clientId: string;
  readonly secretHash: string;
  readonly publicJwk: string;
}

/** What a new credential has, unless its request says otherwise. */
export const NEW_CREDENTIAL = {
  allowSourceCidrs: "[]",
  requireDpop: 0,
  disabled: 0,
  approverClientId: null,
} as const;

/** What a client is for: a service principal, a person, a device, or a federated workload. */
type ClientUse = "spc" | "pcc" | "dev" | "wfe";

/**
 * The host in the ids of clients. C1's Go SDK takes the server's address from it, and appends C1's domain to a host
 * without a dot.
 * @param url base URL of the server
 */
export function clientHost(url: string): string {
  return new URL(url).host.replace(/^localhost(?=:|$)/, "127.0.0.1");
}

/**
 * Makes the credentials of a client in C1's form: an id such as `strange-hydra-68836@127.0.0.1:8080/spc`, and a
 * secret that carries an Ed25519 private key (RFC 8037), with which the client can sign its assertions.
 *
 * @param host of {@link clientHost}
 */
export async function mintCredentials(
  host: string,
  use: ClientUse,
): Promise<{ credentials: ClientCredentials; record: CredentialRecord }> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { kty, crv, x, d } = await exportJWK(privateKey);
  const secretJwk = Buffer.from(JSON.stringify({ kty, crv, x, d })).toString("base64url");
  const credentials = {
    clientId: newClientId(host, use),
    clientSecret: `${SECRET_PREFIX}${secretJwk}`,
  };
  return {
    credentials,
    record: {
      clientId: credentials.clientId,
      secretHash: hashSecret(credentials.clientSecret),
      publicJwk: JSON.stringify({ kty, crv, x }),
    },
  };
}

/** A new client id, such as `strange-hydra-68836@127.0.0.1:8080/spc`. @param host of {@link clientHost} */
export function newClientId(host: string, use: ClientUse): string {
  const name = `${pick(ADJECTIVES)}-${pick(CREATURES)}-${randomInt(10_000, 100_000)}`;
  return `${name}@${host}/${use}`;
}

/** Whether a client is one that a person or an operation of personal clients has made. */
export function isPersonal(clientId: string): boolean {
  return clientId.endsWith("/pcc");
}

/** Whether a principal has made a credential for itself: a personal client or a device. Owners manage all others. */
export function isSelfMade({ kind, clientId }: Pick<CredentialRow, "kind" | "clientId">): boolean {
  return kind === "device" || (kind === "secret" && isPersonal(clientId));
}

/**
 * Whether the secret is the one of the record. Takes as long for an unknown client as for a wrong
 * secret. A plain SHA-256 is enough: the secret is a random key, not a password.
 */
export function secretMatches(
  secret: string,
  record: Pick<CredentialRecord, "secretHash"> | undefined,
): boolean {
  const given = Buffer.from(hashSecret(secret));
  // Credentials without a secret, such as those of devices, have no hash.
  const hash = record?.secretHash ?? "";
  const expected = Buffer.from(hash === "" ? hashSecret("") : hash);
  return timingSafeEqual(given, expected) && hash !== "";
}

/** SHA-256, base64url: enough for random secrets, which nobody guesses. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "plain";
}
