/** Why a request was not forwarded: the reason for the log and the client. */
export class EgressFault extends Error {
  override readonly name = "EgressFault";

  constructor(
    /** `refused` by a rule, or `failed` on the network. */
    readonly verdict: "refused" | "failed",
    /** Status of the proxy's response. */
    readonly status: 400 | 403 | 429 | 502 | 504,
    /** Text for the log and the client. */
    reason: string,
  ) {
    super(reason);
  }
}
