import { fromSeed } from "@nats-io/nkeys";
import { type Authenticator, credsAuthenticator, nkeyAuthenticator } from "@nats-io/transport-node";
import { NatsUnusable } from "./errors.ts";

/** The user of a connection: its public NKey, and the proof of its identity. */
export interface Credentials {
  /** Public NKey of the user; for a file `.creds` that of its JWT. */
  readonly id: string;
  readonly authenticator: Authenticator;
}

const SEED = /^SU[A-Z2-7]{56}$/;
const USER = /^U[A-Z2-7]{55}$/;
const JWT = /^[\w-]+\.([\w-]+)\.[\w-]+$/m;

/**
 * Reads an NKey seed of a user, or a file `.creds` with JWT and seed.
 * @throws NatsUnusable
 */
export async function readCredentials(file: string): Promise<Credentials> {
  const unusable = (failure: string) =>
    new NatsUnusable(`Invalid --nats-credentials ${file}: ${failure}`);
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(file);
  } catch (error) {
    throw unusable(error instanceof Deno.errors.NotFound ? "there is no such file" : `${error}`);
  }
  const text = new TextDecoder().decode(bytes);
  const seed = text.trim();
  if (SEED.test(seed)) {
    const bytes = new TextEncoder().encode(seed);
    try {
      return { id: fromSeed(bytes).getPublicKey(), authenticator: nkeyAuthenticator(bytes) };
    } catch {
      throw unusable("its NKey seed has a wrong checksum");
    }
  }
  const payload = JWT.exec(text)?.[1];
  if (payload === undefined) {
    throw unusable(
      "it holds neither an NKey seed of a user (SU...) nor a JWT with a seed (.creds)",
    );
  }
  const id = subjectOf(payload);
  if (id === undefined) throw unusable("its JWT is not that of a user");
  return { id, authenticator: credsAuthenticator(bytes) };
}

function subjectOf(payload: string): string | undefined {
  try {
    const text = new TextDecoder().decode(
      Uint8Array.fromBase64(payload, { alphabet: "base64url" }),
    );
    const { sub } = JSON.parse(text) as { readonly sub?: unknown };
    return typeof sub === "string" && USER.test(sub) ? sub : undefined;
  } catch {
    return undefined;
  }
}
