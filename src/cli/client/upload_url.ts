import { Failure } from "../terminal/failure.ts";

/**
 * The URL to which a file is uploaded. A server may answer URLs of another host: that host gets the file, so only over
 * TLS. Messages do not have the URL, because its signature is the right to write.
 *
 * @param path of the file, for messages
 * @throws {Failure} for a URL without https that is not of this server, and for a URL with a user
 */
export function uploadUrl(serverUrl: string, path: string, url: string): string {
  const parsed = URL.canParse(url, serverUrl) ? new URL(url, serverUrl) : undefined;
  const violation = parsed === undefined ? "is not a URL" : violationOf(serverUrl, parsed);
  if (parsed !== undefined && violation === undefined) return parsed.href;
  throw new Failure(`Failed to upload ${path}: the upload URL of ${serverUrl} ${violation}`, {
    next: "check that this is the URL of an invoked server or of a C1 tenant",
    exit: "server",
  });
}

function violationOf(serverUrl: string, url: URL): string | undefined {
  if (url.username !== "" || url.password !== "") return `names a user of ${url.host}`;
  if (url.origin === serverUrl || url.protocol === "https:") return undefined;
  return `is not https, but ${url.protocol}//${url.host}`;
}
