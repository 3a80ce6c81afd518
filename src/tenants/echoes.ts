/** Removes what authenticates the server from the answers of a tenant, which may echo the headers of a request. */
import { MASK, Redactions } from "../sandbox/instance/redaction.ts";
import { nextStep } from "./steps.ts";

/** Most copies of a secret, in one form, that are removed from a JSON text. */
export const ECHOES_MAX = 1_000;

/** The secrets that no answer may show, prepared once for any number of answers. */
export class Echoes {
  /** The secrets as they are, escaped, in base64 and encoded for URLs; longest first, as one may contain another. */
  readonly #forms: readonly string[];

  constructor(secrets: readonly string[]) {
    this.#forms = new Redactions([], secrets).needles.values().toArray().flat()
      .map(({ text }) => text)
      .sort((a, b) => b.length - a.length);
  }

  /** A header or a message without the secrets, in any of their forms. */
  removedFrom(text: string): string {
    return this.#forms.reduce((clean, form) => clean.replaceAll(form, MASK), text);
  }

  /**
   * A JSON text without the secrets, removed in steps if the text is large.
   * @param text without escapes that JSON does not need, which may hide a secret
   * @returns undefined for more than {@link ECHOES_MAX} copies
   */
  async removedFromJson(text: string): Promise<string | undefined> {
    let clean = text;
    for (const form of this.#forms) {
      await nextStep(text);
      const parts = clean.split(form, ECHOES_MAX + 2);
      if (parts.length > ECHOES_MAX + 1) return undefined;
      if (parts.length > 1) clean = parts.join(MASK);
    }
    return clean;
  }
}
