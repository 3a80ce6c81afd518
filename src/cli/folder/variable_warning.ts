import { oneLine } from "../terminal/failure.ts";
import { note, paintNote } from "../terminal/output.ts";

/** Warns of variables that look like secrets: whoever may read the function sees them. */
export async function warnOfSecretVariables(
  variables: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (Object.keys(variables).length === 0) return;
  const { secretVariables } = await import("./secret_scan.ts");
  for (const name of await secretVariables(variables)) {
    note(paintNote(
      "yellow",
      `Warning: variable ${oneLine(name)} looks like a secret, and variables can be read; ` +
        "use invoked secrets set",
    ));
  }
}
