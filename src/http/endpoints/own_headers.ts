/** Headers of answers on hosts of endpoints. */
import type { Header } from "../../domain/endpoints/client.ts";
import { withoutCommands } from "../untrusted_answer.ts";

/** What the server's own answers have, and a function decides on a host of its own. */
export const HEADERS_OF_SERVER = [
  "Cache-Control",
  "Content-Security-Policy",
  "Referrer-Policy",
  "X-Content-Type-Options",
] as const;

/** A header that would remove the cookies of every host of the site, those of the console among them. */
const REMOVES_COOKIES = /"(?:cookies|\*)"/i;

/** The headers of a function on a host of its own: its cookies are those of that host alone. */
export function ownHeaders(headers: readonly Header[]): Header[] {
  return withoutCommands(headers)
    .filter(([name, value]) =>
      name.toLowerCase() !== "clear-site-data" || !REMOVES_COOKIES.test(value)
    )
    .map(([name, value]) => [
      name,
      name.toLowerCase() === "set-cookie" ? value.replace(/;\s*domain\s*=[^;]*/gi, "") : value,
    ]);
}
