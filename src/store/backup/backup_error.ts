/** Why a backup cannot be taken or used; the message is one line for the operator. */
export class BackupError extends Error {
  override name = "BackupError";

  /** @param next the next step of the operator, as one sentence without a period */
  constructor(message: string, readonly next: string | undefined) {
    super(message);
  }
}
