import { z } from "zod";
import { listOf, optionalText } from "./fields.ts";
import { SessionClient } from "./session.ts";

const SigningKey = z.object({
  id: z.string(),
  createdAt: optionalText,
  signsFrom: optionalText,
  verifiesUntil: optionalText,
});
type SigningKey = z.output<typeof SigningKey>;

/** A client of the keys that sign access tokens, which are an addition to C1's API. */
export class SigningKeyApi extends SessionClient {
  /** Makes a key. Answers all keys, newest first. */
  async rotate(
    { signsAfterMs, revokeOld }: {
      /** Undefined for the default of the server. */
      readonly signsAfterMs: number | undefined;
      /** Whether the earlier keys are deleted. */
      readonly revokeOld: boolean | undefined;
    },
  ): Promise<readonly SigningKey[]> {
    const signsAfter = signsAfterMs === undefined ? undefined : `${signsAfterMs / 1000}s`;
    const what = "Failed to rotate the signing key";
    const operation = "POST /api/v1/signing_keys/rotate";
    const response = z.object({ list: listOf(SigningKey) });
    return (await this.session.call(what, operation, response, { body: { signsAfter, revokeOld } }))
      .list;
  }
}
