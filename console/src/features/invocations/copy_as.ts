/** Repeats an invocation: a command of a shell or the code of a function, as text. */

import { INVISIBLE } from "../../parts/visible_text.ts";

export interface CopiedCall {
  /** Origin of the server. */
  readonly server: string;
  readonly functionId: string;
  readonly commitId: string;
  readonly volumeId?: string | undefined;
  readonly input: Readonly<Record<string, unknown>>;
}

/** JSON in one line, in which every character is an escape that a terminal or an editor acts upon or hides. */
function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(
    INVISIBLE,
    (character) =>
      character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        .join(""),
  );
}

/** A word that a POSIX shell reads as exactly this text. */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A command of a POSIX shell. It passes the input by a pipe: an argument has a limit of 128 KiB. */
export function curlOf({ server, functionId, commitId, volumeId, input }: CopiedCall): string {
  const volume = volumeId === undefined ? "" : `,"vfsId":"${volumeId}"`;
  const body = `{"commitId":"${commitId}"${volume},"json":"%s"}`;
  const url = `${server}/api/v1/functions/${encodeURIComponent(functionId)}/invoke`;
  return [
    `printf ${quoteForShell(body)} "$(printf %s ${quoteForShell(jsonText(input))} |`,
    `  base64 | tr -d '\\n')" |`,
    `  curl -sS ${quoteForShell(url)} \\`,
    `    -H "Authorization: Bearer $INVOKED_ACCESS_TOKEN" \\`,
    `    -H 'Content-Type: application/json' --data-binary @-`,
  ].join("\n");
}

/** A command of the command line, which reads the input from a pipe. */
export function cliOf({ functionId, commitId, volumeId, input }: CopiedCall): string {
  const volume = volumeId === undefined ? "" : ` --volume ${quoteForShell(volumeId)}`;
  return `printf %s ${quoteForShell(jsonText(input))} |\n` +
    `  invoked invoke ${functionId} --commit ${commitId}${volume} --input -`;
}

/** The code of a function that repeats an invocation through the SDK. */
export function sdkOf({ functionId, commitId, volumeId, input }: CopiedCall): string {
  return [
    `const input = ${literalOf(input)};`,
    `const json = new TextEncoder().encode(JSON.stringify(input)).toBase64();`,
    `const { functionsServiceInvokeResponse: answer } = await sdk.functions.invoke({`,
    `  functionId: ${JSON.stringify(functionId)},`,
    `  functionsServiceInvokeRequest: {`,
    `    commitId: ${JSON.stringify(commitId)},`,
    ...volumeId === undefined ? [] : [`    vfsId: ${JSON.stringify(volumeId)},`],
    `    json,`,
    `  },`,
    `});`,
  ].join("\n");
}

/** JSON is an expression of TypeScript, but for a key that would set a prototype. */
function literalOf(input: unknown): string {
  const text = jsonText(input);
  return text.includes("__proto__") ? `JSON.parse(${jsonText(text)})` : text;
}
