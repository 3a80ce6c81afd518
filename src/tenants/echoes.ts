/** Removes what authenticates the server from the answers of a tenant, which may echo the headers of a request. */
import { Redactions, Redactor } from "../sandbox/instance/redaction.ts";

/** In JSON, escapes that a text need not have: what they hide shows once the text is parsed. */
const NEEDLESS_ESCAPE = /\\[u/]/;

/** The secrets that no answer may show, prepared once for any number of answers. */
export class Echoes {
  readonly #redactions: Redactions;

  constructor(secrets: readonly string[]) {
    this.#redactions = new Redactions([], secrets);
  }

  /**
   * A text without the secrets, also where the text has them escaped, in base64 or encoded for URLs.
   * @param text any text; JSON is also searched as a parser would read it
   */
  removedFrom(text: string): string {
    const plain = NEEDLESS_ESCAPE.test(text) ? withoutEscapes(text) : undefined;
    const searched = plain !== undefined && this.#redactions.occurIn(plain) ? plain : text;
    return this.#redactions.occurIn(searched)
      ? new Redactor(this.#redactions).redact(searched)
      : searched;
  }
}

/** The same JSON with the escapes that it needs; undefined for another text. */
function withoutEscapes(json: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(json));
  } catch {
    return undefined;
  }
}
