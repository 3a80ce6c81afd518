/** A name that may follow a dot in TypeScript; reserved words may, too. */
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** What a function writes to read a value of its configuration, ready to paste. */
export function configText(kind: "secrets" | "variables", name: string): string {
  const access = IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
  return `functions.getConfig().${kind}${access}`;
}

/** The import that {@link configText} needs, once in a file. */
export const CONFIG_IMPORT = 'import { functions } from "@c1/functions-sdk";';
