/** Code and commands for the reader to paste elsewhere. */

/** A name that may follow a dot in TypeScript; reserved words may, too. */
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** What a function writes to read a value of its configuration, ready to paste. */
export function configText(kind: "secrets" | "variables", name: string): string {
  const access = IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
  return `functions.getConfig().${kind}${access}`;
}

/** The import that {@link configText} needs, once in a file. */
export const CONFIG_IMPORT = 'import { functions } from "@c1/functions-sdk";';

/** A request, as a reader puts it together. */
export interface BuiltRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Empty for none. */
  readonly body: string;
}

/** The command that sends the request. */
export function curlOf({ url, method, headers, body }: BuiltRequest): string {
  const parts = [
    `curl ${method === "GET" ? "" : `-X ${method} `}${quoted(url)}`,
    ...headers.map(([name, value]) =>
      // The shell fills in the token.
      value === TOKEN ? `-H "${name}: ${value}"` : `-H ${quoted(`${name}: ${value}`)}`
    ),
    ...body === "" ? [] : [`--data-binary ${quoted(body)}`],
  ];
  return parts.join(" \\\n  ");
}

/** The reader replaces the variable by an access token. */
export const TOKEN = "Bearer $INVOKED_TOKEN";

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The headers of lines such as `Accept: text/html`; a line without a name is left out. */
export function headersIn(lines: readonly string[]): (readonly [name: string, value: string])[] {
  return lines.flatMap((line) => {
    const at = line.indexOf(":");
    const name = line.slice(0, Math.max(0, at)).trim();
    return name === "" ? [] : [[name, line.slice(at + 1).trim()] as const];
  });
}
