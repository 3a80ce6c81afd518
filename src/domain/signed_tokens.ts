import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * Signed tokens: a JSON payload and its HMAC-SHA256, both in base64url. The holder can read the payload, but
 * not change it.
 */
export class SignedTokens<Payload> {
  constructor(private readonly key: Uint8Array) {}

  issue(payload: Payload): string {
    const body = Buffer.from(JSON.stringify(payload)).toString("base64url");
    return `${body}.${this.#sign(body).toString("base64url")}`;
  }

  /** The payload, or undefined for a token that this key did not sign. */
  open(token: string): Payload | undefined {
    const [body, signature, ...rest] = token.split(".");
    if (body === undefined || signature === undefined || rest.length > 0) return undefined;
    const expected = this.#sign(body).toString("base64url");
    // Compared as text: another base64url spelling of the same bytes is another token.
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, Buffer.from(expected))) {
      return undefined;
    }
    return JSON.parse(Buffer.from(body, "base64url").toString()) as Payload;
  }

  #sign(body: string): Buffer {
    return createHmac("sha256", this.key).update(body).digest();
  }
}
