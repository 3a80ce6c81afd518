/** A recording that cannot be read or written. Its files come from others, so the message names file and field. */
export class RecordingError extends Error {
  override name = "RecordingError";

  /** @param field its path in the file; empty for the whole file */
  constructor(readonly file: string, readonly field: string, readonly violation: string) {
    super(`${file}: ${field === "" ? "" : `${field}: `}${violation}`);
  }
}
