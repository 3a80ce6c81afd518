import type { Kind } from "./kinds.ts";
import { Secret } from "./secret.ts";

const CHARS_MAX = 2_048;
const FORM = /^https?:\/\/[^\s/?#@\\]+(?:[/?][^\s#]*)?$/i;

/** A URL whose path and query may contain a token. Its text shows nothing; {@link SecretUrl.label} shows the origin. */
export class SecretUrl extends Secret {
  /** For messages, such as `https://hooks.example.com/…`. The host is no secret: every request resolves its name. */
  get label(): string {
    return `${new URL(this.reveal()).origin}/…`;
  }
}

/** A URL that is treated like a secret. */
export function secretUrl(): Kind<SecretUrl> {
  return {
    placeholder: "URL",
    accepts: "an http or https URL without user and fragment, of at most 2,048 characters",
    parse: (text) =>
      text.length <= CHARS_MAX && FORM.test(text) && URL.canParse(text)
        ? new SecretUrl(text)
        : undefined,
    format: String,
    hidden: true,
    holdsSecret: () => true,
  };
}
