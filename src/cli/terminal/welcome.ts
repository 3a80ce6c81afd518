import { Buffer } from "node:buffer";
import type { RunningServer } from "../../compose/running_server.ts";
import { LAUNCHER } from "../../shared/installation.ts";
import { withCommandName } from "./command_name.ts";
import { quoteForShell } from "./shell.ts";

/** The text of a started server: its URL, its isolation, its credentials and one invocation to copy. */
export function renderWelcome(
  server: RunningServer,
  dataDir: string,
  hasCredentials: boolean,
): string {
  const { url, walls, credentialsPath, caFile, helloFunctionId, signInLink } = server;
  const lines = [
    `invoked is ready at ${url}`,
    `  sandbox      ${walls}`,
    `  credentials  ${credentialsPath}${
      hasCredentials ? "" : " (moved, removed, or on the first API node)"
    }`,
    `  console      ${signInLink?.url ?? url}${linkNote(signInLink)}`,
    `  API          ${url}/docs`,
  ];
  if (caFile !== undefined) {
    const quoted = quoteForShell(caFile);
    lines.push(
      `  local CA     ${caFile}`,
      "",
      "Make clients trust the local CA (Go, curl, Python; Node.js; Deno):",
      "",
      `export SSL_CERT_FILE=${quoted} NODE_EXTRA_CA_CERTS=${quoted} DENO_CERT=${quoted}`,
    );
  }
  if (helloFunctionId !== undefined) {
    lines.push(
      "",
      "Invoke the example function (the json field of the response is base64):",
      "",
      renderCurl(`${url}/api/v1/functions/${helloFunctionId}/invoke`, dataDir, caFile),
    );
  }
  return withCommandName(lines.join("\n"));
}

/** What a reader must know of a link before its use. */
function linkNote(link: RunningServer["signInLink"]): string {
  return link === undefined
    ? " (invoked console link signs a browser in)"
    : ` (works once, until ${link.expiresAt})`;
}

/** The same for programs that start a server and wait for this line. */
export function welcomeJson(
  { url, walls, credentialsPath, caFile, helloFunctionId, signInLink }: RunningServer,
) {
  const link = signInLink && { signInUrl: signInLink.url };
  return { url, walls, credentialsPath, caFile, helloFunctionId, ...link };
}

/** One line for sh that works in any directory. */
function renderCurl(invokeUrl: string, dataDir: string, caFile: string | undefined): string {
  const token = `$(${quoteForShell(LAUNCHER)} token --data ${quoteForShell(dataDir)})`;
  const input = Buffer.from(JSON.stringify({ name: "world" })).toString("base64");
  return [
    `curl -sS ${quoteForShell(invokeUrl)}`,
    ...caFile === undefined ? [] : [`--cacert ${quoteForShell(caFile)}`],
    `-H "Authorization: Bearer ${token}"`,
    "-H 'Content-Type: application/json'",
    `-d '${JSON.stringify({ json: input })}'`,
  ].join(" ");
}
