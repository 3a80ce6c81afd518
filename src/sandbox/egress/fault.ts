/** Why a request did not get through: what the log says and what the client is answered. */
export class EgressFault extends Error {
  override readonly name = "EgressFault";

  constructor(
    /** `refused` by a rule, or `failed` on the way. */
    readonly verdict: "refused" | "failed",
    /** Status of the proxy's answer. */
    readonly status: 400 | 403 | 429 | 502 | 504,
    /** The reason, in words. */
    reason: string,
  ) {
    super(reason);
  }
}
