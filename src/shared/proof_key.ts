import { createHash } from "node:crypto";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

/** A request to prove. */
interface ProvedRequest {
  readonly method: string;
  readonly url: URL;
  /** Undefined for a token request. */
  readonly accessToken?: string | undefined;
  /** As the server gave it; undefined if it gave none. */
  readonly nonce?: string | undefined;
}

/** A key that access tokens are bound to (RFC 9449). It exists as long as its tokens. */
export class ProofKey {
  private constructor(private readonly privateKey: CryptoKey, private readonly jwk: JWK) {}

  static async make(): Promise<ProofKey> {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    return new ProofKey(privateKey, await exportJWK(publicKey));
  }

  /** Signs the proof of one request. */
  async prove({ method, url, accessToken, nonce }: ProvedRequest): Promise<string> {
    const ath = accessToken && createHash("sha256").update(accessToken).digest("base64url");
    return await new SignJWT({
      htm: method,
      htu: url.origin + url.pathname,
      ...ath === undefined ? {} : { ath },
      ...nonce === undefined ? {} : { nonce },
    })
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: this.jwk })
      .setJti(crypto.randomUUID()).setIssuedAt().sign(this.privateKey);
  }
}
