/** The header `Forwarded` (RFC 7239), which proxies add to requests. */

/** A pair of the header `Forwarded`, such as `for="[2001:db8::1]:47011"`: RFC 7239, section 4. */
const PAIR = /^\s*([\w!#$%&'*+.^`|~-]+)=(?:([\w!#$%&'*+.^`|~-]+)|"((?:[^"\\]|\\.)*)")\s*$/;

/** The parameters of one proxy, by their names in lower case. */
type ForwardedElement = ReadonlyMap<string, string>;

/** The elements of a header, that of the nearest proxy first; undefined for a malformed one. */
export function forwardedElements(header: string): (ForwardedElement | undefined)[] {
  // An open quote may begin in what a stranger sent, and reach into what the proxy added.
  const elements = splitOutsideQuotes(header, ",") ?? [`malformed ${header}`];
  return elements.filter((element) => element.trim() !== "").map(parseElement).reverse();
}

function parseElement(element: string): ForwardedElement | undefined {
  const parameters = new Map<string, string>();
  for (const text of splitOutsideQuotes(element, ";") ?? []) {
    const [matched, name = "", token, quoted = ""] = PAIR.exec(text) ?? [];
    const key = name.toLowerCase();
    if (matched === undefined || parameters.has(key)) return undefined;
    parameters.set(key, token ?? quoted.replace(/\\(.)/g, "$1"));
  }
  return parameters;
}

/** The parts of a text between separators outside of quotes; undefined when a quote stays open. */
function splitOutsideQuotes(text: string, separator: "," | ";"): string[] | undefined {
  const parts: string[] = [];
  let isQuoted = false;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted && character === "\\") at++;
    else if (!isQuoted && character === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return isQuoted ? undefined : [...parts, text.slice(start)];
}

/** The value of a header; several of one name count as one list. */
export function headerList(header: string | readonly string[] | undefined): string {
  return typeof header === "string" ? header : header?.join(",") ?? "";
}
