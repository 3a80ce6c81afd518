import Bowser from "bowser";
import { visibleText } from "./format.ts";

/** Of a text that names no browser. */
const SHOWN_CHARACTERS = 60;
const BROWSERS: ReadonlySet<string> = new Set(Object.values<string>(Bowser.BROWSER_MAP));
const SYSTEMS: ReadonlySet<string> = new Set(Object.values<string>(Bowser.OS_MAP));

/**
 * A browser by its User-Agent, such as "Chrome 130 on Linux"; the start of any other text as it is. Whoever signs in
 * chooses the text, so a name comes from the library's list and never from the text. The version of the system is left
 * out: browsers send one that is long out of date.
 */
export function browserOf(userAgent: string): string {
  if (userAgent.trim() === "") return "Unknown browser";
  const { browser: { name = "", version = "" }, os: { name: system = "" } } = Bowser.parse(
    userAgent,
  );
  const [major] = /^\d{1,4}(?!\d)/.exec(version) ?? [];
  if (BROWSERS.has(name) && SYSTEMS.has(system) && major !== undefined) {
    return `${name} ${major} on ${system}`;
  }
  const isLong = userAgent.length > SHOWN_CHARACTERS;
  return visibleText(isLong ? `${userAgent.slice(0, SHOWN_CHARACTERS)}…` : userAgent);
}
