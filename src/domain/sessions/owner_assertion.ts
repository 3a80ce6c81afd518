/**
 * What proves to a server that the sender can read its master key: a JWT of HS256 under a key that is derived from the
 * master key. The command line signs one on the server's host, and the server accepts it once.
 */
import { errors, jwtVerify, SignJWT } from "jose";
import { Sealer } from "../../store/sealing.ts";

/** The purpose of the derived key. */
const PURPOSE = "owner assertion";
const TYPE = "owner-assertion+jwt";
const LIFETIME_SECONDS = 60;
/** Largest accepted difference between the clocks of the command's and the server's machines. */
const CLOCK_SKEW_SECONDS = 10;
/** Names of the loopback host; a command may use any of them. */
const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "[::1]"];

/** Signs an assertion for the server at a URL. */
export async function signOwnerAssertion(
  masterKey: Uint8Array,
  serverUrl: string,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return await new SignJWT()
    .setProtectedHeader({ alg: "HS256", typ: TYPE })
    .setAudience(new URL(serverUrl).hostname)
    .setIssuedAt(now).setExpirationTime(now + LIFETIME_SECONDS)
    .setJti(crypto.randomUUID())
    .sign(new Sealer(masterKey).deriveKey(PURPOSE));
}

/** An assertion that is valid, unless it was used before. */
interface OwnerAssertion {
  readonly jti: string;
  /** From then on it need not be remembered. */
  readonly forgetAfter: string;
}

/** Checks assertions for one server. */
export class OwnerAssertions {
  readonly #key: Uint8Array;

  /** @param hostNames of the server, without ports: another server that receives an assertion cannot use it here */
  constructor(sealer: Pick<Sealer, "deriveKey">, private readonly hostNames: readonly string[]) {
    this.#key = sealer.deriveKey(PURPOSE);
  }

  /** The rule that an assertion violates, or the assertion. */
  async check(assertion: string): Promise<OwnerAssertion | { readonly violation: string }> {
    try {
      const { payload } = await jwtVerify(assertion, this.#key, {
        algorithms: ["HS256"],
        typ: TYPE,
        audience: [...this.hostNames, ...LOOPBACK_NAMES],
        requiredClaims: ["iat", "exp", "jti"],
        clockTolerance: CLOCK_SKEW_SECONDS,
        maxTokenAge: LIFETIME_SECONDS,
      });
      const { jti, exp = 0, iat = 0 } = payload;
      if (typeof jti !== "string" || exp - iat > LIFETIME_SECONDS) {
        return { violation: `exp may be at most ${LIFETIME_SECONDS} seconds after iat` };
      }
      return { jti, forgetAfter: new Date((exp + CLOCK_SKEW_SECONDS) * 1000).toISOString() };
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) {
        return { violation: error.message };
      }
      throw error;
    }
  }
}
