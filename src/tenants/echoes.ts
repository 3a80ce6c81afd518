/** Removes what authenticates the server from the answers of a tenant, which may echo the headers of a request. */
import { Redactions, Redactor } from "../sandbox/instance/redaction.ts";

/** In JSON, escapes that a text need not have: what they hide shows once the text is parsed. */
const NEEDLESS_ESCAPE = /\\[u/]/;

/**
 * A text without these secrets, also where the text has them escaped, in base64 or encoded for URLs.
 * @param text any text; JSON is also searched as a parser would read it
 */
export function withoutEchoes(text: string, secrets: readonly string[]): string {
  const redactions = new Redactions([], secrets);
  const cleaned = (from: string) =>
    redactions.occurIn(from) ? new Redactor(redactions).redact(from) : from;
  if (!NEEDLESS_ESCAPE.test(text)) return cleaned(text);
  const plain = withoutEscapes(text);
  return plain !== undefined && redactions.occurIn(plain) ? cleaned(plain) : cleaned(text);
}

/** The same JSON with the escapes that it needs; undefined for another text. */
function withoutEscapes(json: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(json));
  } catch {
    return undefined;
  }
}
