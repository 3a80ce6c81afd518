/**
 * Proofs that the sender of a request has the key that its access token is bound to (RFC 9449). A proof is a JWT which
 * names the request, signed by the key in its own header.
 */
import { createHash } from "node:crypto";
import {
  base64url,
  calculateJwkThumbprint,
  EmbeddedJWK,
  errors,
  type JWK,
  type JWTPayload,
  jwtVerify,
} from "jose";
import { quoted } from "../../config/mod.ts";
import type { Store } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";

/** Signatures of proofs: asymmetric ones that no library should lack. `Ed25519` is the newer name of EdDSA (RFC 9864). */
export const PROOF_ALGORITHMS = ["ES256", "ES384", "EdDSA", "Ed25519", "PS256", "RS256"] as const;
const PROOF_BYTES_MAX = 4096;
const JTI_CHARS_MAX = 256;
const RSA_BITS_MAX = 4096;
/** The exponent of every usual key, F4. A long exponent would make one check as slow as a signature. */
const RSA_EXPONENT = "AQAB";
/** How old a proof may be, in seconds. */
const AGE_MAX_S = 60;
/** How far the clock of a client may be ahead, in seconds. */
const AHEAD_MAX_S = 10;
/** The parts of private and of symmetric keys (RFC 7518, section 6). */
const PRIVATE_PARTS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"] as const;
/** How often a node deletes the records of expired proofs. */
const SWEEP_INTERVAL_MS = 60_000;
/** Proofs that one sweep erases: housekeeping erases the rest. */
const SWEPT_AT_ONCE_MAX = 1_000;

/** The request that a proof must name. */
export interface ProofTarget {
  readonly method: string;
  /** Scheme and host of an endpoint on a host of its own; undefined for the server itself. */
  readonly origin: string | undefined;
  /** The path, with or without a query, which does not count. */
  readonly path: string;
  /** The access token beside the proof; undefined for a token request. */
  readonly accessToken: string | undefined;
}

/** A verified proof. */
export interface Proof {
  /** The SHA-256 thumbprint of its key (RFC 7638). */
  readonly jkt: string;
  /** What makes it unique among the proofs of all keys. */
  readonly fingerprint: string;
  /** When a replay would be too old anyway. */
  readonly expiresAtMs: number;
}

/**
 * Verifies proofs, and lets each be used once on all nodes. There are no server nonces (RFC 9449, section 8): they would
 * limit proofs made ahead of time, but nodes behind one load balancer would have to share them.
 */
export class DpopProofs {
  #sweptAtMs = -Infinity;

  /** @param isOfServer whether a URL has an origin by which clients know the server: never what a request claims */
  constructor(
    private readonly store: Pick<Store, "write">,
    private readonly isOfServer: (url: URL) => boolean,
  ) {}

  /** @throws PROOF_INVALID */
  async verify(proof: string | undefined, target: ProofTarget): Promise<Proof> {
    if (proof === undefined) throw invalidProof("the request has no header DPoP");
    if (proof.length > PROOF_BYTES_MAX) {
      throw invalidProof(
        `it has ${proof.length} bytes, and at most ${PROOF_BYTES_MAX} are allowed`,
      );
    }
    const { payload, jwk } = await verifySignature(proof);
    const { jti, iat } = payload;
    if (typeof jti !== "string" || jti === "" || jti.length > JTI_CHARS_MAX) {
      throw invalidProof(`jti must be a text of 1 to ${JTI_CHARS_MAX} characters`);
    }
    this.#assertNames(payload, target);
    const issuedAt = assertTime(iat);
    const jkt = await calculateJwkThumbprint(jwk, "sha256");
    return {
      jkt,
      fingerprint: createHash("sha256").update(JSON.stringify(["dpop", jkt, jti]))
        .digest("base64url"),
      expiresAtMs: 1000 * (issuedAt + AGE_MAX_S + 1),
    };
  }

  /**
   * Records that a proof was used. The table is shared by all nodes, and a crash of the server keeps it, which memory
   * alone could not do. It holds the proofs of about two minutes, and only those beside a valid token.
   * @throws PROOF_INVALID if it was used before, at whatever node
   */
  async use({ fingerprint, expiresAtMs }: Proof): Promise<void> {
    const nowMs = Date.now();
    const sweeps = performance.now() - this.#sweptAtMs > SWEEP_INTERVAL_MS;
    if (sweeps) this.#sweptAtMs = performance.now();
    const isFirst = await this.store.write(async (tx) => {
      if (sweeps) {
        const now = new Date(nowMs).toISOString();
        await tx.expired.erase("used_assertions", now, SWEPT_AT_ONCE_MAX);
      }
      return await tx.assertions.use(fingerprint, new Date(expiresAtMs).toISOString());
    }, "committed");
    if (!isFirst) throw invalidProof("it was used before: sign a new one with a new jti");
  }

  /** @throws PROOF_INVALID */
  #assertNames({ htm, htu, ath }: JWTPayload, { method, origin, path, accessToken }: ProofTarget) {
    if (htm !== method) throw invalidProof(`htm must be ${method}; it is ${shown(htm)}`);
    const url = typeof htu === "string" ? URL.parse(htu) : null;
    const isOfTarget = url !== null &&
      (origin === undefined ? this.isOfServer(url) : url.origin === origin);
    if (!isOfTarget) {
      throw invalidProof(
        `htu must be the URL of the request at the server's own address (--public-url); it is ${
          shown(htu)
        }`,
      );
    }
    const expected = URL.parse(path, url.origin)?.pathname ?? path;
    if (normalized(url.pathname) !== normalized(expected)) {
      throw invalidProof(`htu must have the path ${shown(expected)}; it is ${shown(htu)}`);
    }
    if (accessToken === undefined) return;
    const hash = createHash("sha256").update(accessToken).digest("base64url");
    if (ath !== hash) throw invalidProof("ath must be the base64url SHA-256 of the access token");
  }
}

/** @throws PROOF_INVALID */
async function verifySignature(proof: string): Promise<{ payload: JWTPayload; jwk: JWK }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, (header, token) => {
      assertPublicKey(header.jwk);
      return EmbeddedJWK(header, token);
    }, {
      algorithms: [...PROOF_ALGORITHMS],
      typ: "dpop+jwt",
      requiredClaims: ["jti", "htm", "htu", "iat"],
    });
    return { payload, jwk: protectedHeader.jwk as JWK };
  } catch (error) {
    if (error instanceof DomainError) throw error;
    // WebCrypto rejects malformed keys with a DOMException, and jose some with a TypeError.
    const isOfProof = error instanceof errors.JOSEError || error instanceof TypeError ||
      error instanceof DOMException;
    if (!isOfProof) throw error;
    throw invalidProof(error.message);
  }
}

/** @throws PROOF_INVALID */
function assertPublicKey(jwk: JWK | undefined): void {
  if (jwk === undefined || typeof jwk !== "object") throw invalidProof("its header has no jwk");
  const secret = PRIVATE_PARTS.find((part) => Object.hasOwn(jwk, part));
  if (secret !== undefined) {
    throw invalidProof(`jwk has the private part ${secret}: this key is no longer secret`);
  }
  if (jwk.kty !== "RSA") return;
  const bits = 8 * (typeof jwk.n === "string" ? lengthOf(jwk.n) : 0);
  if (bits > RSA_BITS_MAX) {
    throw invalidProof(`an RSA key may have at most ${RSA_BITS_MAX} bits; it has ${bits}`);
  }
  if (jwk.e !== RSA_EXPONENT) throw invalidProof("an RSA key must have the exponent 65537 (AQAB)");
}

/** Bytes of base64url. */
function lengthOf(text: string): number {
  try {
    return base64url.decode(text).length;
  } catch {
    return 0;
  }
}

/** @returns seconds @throws PROOF_INVALID */
function assertTime(iat: unknown): number {
  if (typeof iat !== "number" || !Number.isFinite(iat)) throw invalidProof("iat must be a number");
  const age = Math.round(Date.now() / 1000 - iat);
  if (age > AGE_MAX_S) {
    throw invalidProof(`iat is ${age} seconds ago, and at most ${AGE_MAX_S} are allowed`);
  }
  if (age < -AHEAD_MAX_S) {
    throw invalidProof(`iat is ${-age} seconds ahead, and at most ${AHEAD_MAX_S} are allowed`);
  }
  return iat;
}

/** A path whose percent-encodings have one form (RFC 3986, section 6.2.2). */
function normalized(path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, (code) => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : code.toUpperCase();
  });
}

function shown(value: unknown): string {
  return typeof value === "string" ? quoted(value) : value === undefined ? "absent" : "not a text";
}

function invalidProof(violation: string): DomainError {
  return new DomainError("PROOF_INVALID", `DPoP proof invalid: ${violation}`);
}
