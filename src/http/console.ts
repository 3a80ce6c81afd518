import type { Context, Hono } from "hono";
import { parseAccept } from "hono/utils/accept";
import { type ConsoleFile, ConsoleFiles, type Encoding, isCalled } from "./console_files.ts";
import { isConsolePage } from "../shared/console_pages.ts";
import type { Env } from "./env.ts";

/**
 * Only scripts of this server, in files of their own; the editor sets inline styles. Workers have the policy of their own
 * file. No other page may frame the console, or reach it as its opener.
 */
const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Frame-Options": "DENY",
};
const IMMUTABLE = "public, max-age=31536000, immutable";
const NOT_BUILT = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>invoked</title>
  </head>
  <body>
    <h1>The console is not built</h1>
    <p>Run <code>scripts/console</code> in the folder of invoked, and reload this page. <code>npm start</code> does so, too.</p>
    <p>The API works without it: <a href="/docs">/docs</a></p>
  </body>
</html>
`;

/**
 * `/` and below: the console, from the files of its build. Registered last, so that it gets only what no operation takes.
 * A browser gets a page for every address: with the status 404 for an unknown one, and the page says so, too.
 * @param directory of the build
 */
export function serveConsole(app: Hono<Env>, directory: string): void {
  const files = new ConsoleFiles(directory);
  app.get("/*", async (c, next) => {
    const { path } = c.req;
    if (isConsolePage(path)) {
      const index = await files.index();
      const response = index && await fileResponse(index, c);
      return response ?? c.html(NOT_BUILT, 503, { ...HEADERS, "Cache-Control": "no-store" });
    }
    const file = await files.at(path);
    const response = file && await fileResponse(file, c);
    if (response !== undefined) return response;
    if (isCalled(path) || !wantsPage(c.req.header("accept"))) return await next();
    const index = await files.index();
    return (index && await fileResponse(index, c, 404)) ?? await next();
  });
}

/** Whether a request is that of a browser for a page, and not one of a script or a program. */
export function wantsPage(accept = ""): boolean {
  return parseAccept(accept).some(({ type, q }) => type.toLowerCase() === "text/html" && q > 0);
}

/** Undefined if the file is gone. */
async function fileResponse(
  file: ConsoleFile,
  c: Context<Env>,
  status: 200 | 404 = 200,
): Promise<Response | undefined> {
  const encoding = encodingFor(file, c.req.header("accept-encoding"));
  const read = await file.read(encoding);
  if (read === undefined) return undefined;
  const { content, etag } = read;
  const headers = {
    ...HEADERS,
    "Cache-Control": file.isHashed ? IMMUTABLE : "no-cache",
    // An address without a page has another answer for programs.
    "Vary": status === 404 ? "Accept, Accept-Encoding" : "Accept-Encoding",
  };
  if (status === 200 && matches(c.req.header("if-none-match"), etag)) {
    return c.body(null, 304, { ...headers, "ETag": etag });
  }
  return c.body(content, status, {
    ...headers,
    ...status === 200 ? { "ETag": etag } : {},
    "Content-Type": file.type,
    "Content-Length": String(content.byteLength),
    ...encoding === undefined ? {} : { "Content-Encoding": encoding.name },
  });
}

function encodingFor({ encodings }: ConsoleFile, header: string | undefined): Encoding | undefined {
  if (header === undefined || encodings.length === 0) return undefined;
  const accepted = parseAccept(header).filter(({ q }) => q > 0).map(({ type }) => type);
  return encodings.find(({ name }) => accepted.includes(name));
}

/** If-None-Match compares weakly (RFC 9110, section 13.1.2). */
function matches(header: string | undefined, etag: string): boolean {
  const tags = (header ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}
