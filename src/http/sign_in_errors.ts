import type { MiddlewareHandler } from "hono";
import { html } from "hono/html";
import { wantsPage } from "./console.ts";
import type { Env } from "./env.ts";

/** What of `google.rpc.Status` a page shows. */
interface StatusBody {
  readonly message: string;
  readonly details: readonly { readonly reason?: string }[];
}

/** Shows a browser the error of its sign-in as a page; programs get the error as data. */
export const showErrors: MiddlewareHandler<Env> = async (c, next) => {
  await next();
  if (c.error === undefined || !wantsPage(c.req.header("accept"))) return;
  const { status, headers } = c.res;
  const { message, details }: StatusBody = await c.res.json();
  const reason = details.find((detail) => detail.reason !== undefined)?.reason;
  const page = html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Sign-in failed</title>
      </head>
      <body>
        <h1>You are not signed in</h1>
        <p>${message}</p>
        <p><code>${reason ?? status}</code></p>
        <p><a href="/sign-in">Back to the sign-in page</a></p>
      </body>
    </html>
  `;
  c.res = new Response(String(await page), { status, headers });
  c.res.headers.set("Content-Type", "text/html; charset=UTF-8");
};
