/** A function that answers what it was asked, and its endpoints. */
import { createTrigger, unique } from "../triggers/support.ts";
import type { Client, Json } from "../support/client.ts";

/** What acts on the whole origin: a function may send it from a host of its own only. */
export const OF_ORIGIN = [
  ...[
    "Service-Worker-Allowed",
    "Strict-Transport-Security",
    "Set-Login",
    "Accept-CH",
    "Critical-CH",
  ],
  ...["Use-As-Dictionary", "Origin-Agent-Cluster", "Origin-Policy", "Alt-Svc", "NEL", "Report-To"],
  ...["Cache-Group-Invalidation", "Activate-Storage-Access", "Public-Key-Pins", "Expect-CT"],
  ...["IdP-SignIn-Status", "Observe-Browsing-Topics", "Attribution-Reporting-Register-Source"],
];
/** What commands a proxy in front, or acts on the whole site. */
export const OF_NO_FUNCTION = [
  ...["X-Accel-Redirect", "x-accel-buffering", "X-Sendfile", "X-Sendfile2", "X-Lighttpd-Send-File"],
  ...["X-LiteSpeed-Location", "X-Reproxy-URL", "X-Envoy-Immediate-Health-Check-Fail"],
  ...["Surrogate-Control", "Edge-Control", "Proxy-Status", "Sec-Session-Registration"],
  ...["Secure-Session-Registration", "Secure-Session-Challenge"],
];
/** What acts on the answer alone. */
export const OF_ANSWER = [
  ...["Cache-Control", "CDN-Cache-Control", "Cache-Tag", "Accept-Ranges", "Link", "X-Accelerated"],
  ...["Original", "Secure", "Settings", "Reporting-Endpoints", "Surrogate-Key", "Edge-Cache-Tag"],
];
const SENT = [...OF_ORIGIN, ...OF_NO_FUNCTION, ...OF_ANSWER];

/** Sends headers that no function may send. */
export const APP = `
export default { async fetch(request: Request, _: unknown, { trigger }: { trigger: unknown }): Promise<Response> {
  const headers = new Headers({
    "Content-Security-Policy": "default-src 'self'",
    "X-Content-Type-Options": "none",
    "Clear-Site-Data": '"*"',
    "Access-Control-Allow-Origin": "https://function.example",
    "Vary": "Accept",
  });
  for (const name of ${JSON.stringify(SENT)}) headers.set(name, "sent");
  if (new URL(request.url).pathname === "/events") {
    headers.set("Content-Type", "Text/Event-Stream; charset=utf-8");
    return new Response("data: 1\\n\\n", { headers });
  }
  headers.append("set-cookie", "a=1; Domain=localhost; Path=/");
  headers.append("set-cookie", "b=2; HttpOnly");
  const { method, url } = request;
  const said = { method, url, trigger, headers: Object.fromEntries(request.headers), body: await request.text() };
  return Response.json(said, { headers });
} };`;

/** A function with an endpoint. */
export async function endpoint(client: Client, http: Json = {}): Promise<Json> {
  const functionId = await client.deploy(APP);
  const slug = unique("e");
  const made = await createTrigger(client, functionId, {
    http: { slug, auth: "ENDPOINT_AUTH_OPEN", ...http },
  });
  return { ...made, functionId, slug, path: `/run/${slug}` };
}

/** The parts of a response that was read as text. */
export function partsOf(
  text: string,
): { status: number; headers: Headers; cookies: string[]; body: Json } {
  const [head = "", body = ""] = text.split(/\r\n\r\n([^]*)/);
  const [line = "", ...lines] = head.split("\r\n");
  const pairs = lines.map((each) => each.split(/: ?([^]*)/).slice(0, 2) as [string, string]);
  const cookies = pairs.filter(([name]) => /^set-cookie$/i.test(name)).map(([, value]) => value);
  return {
    status: Number(line.split(" ")[1]),
    headers: new Headers(pairs),
    cookies,
    body: body.startsWith("{") ? JSON.parse(body) : body,
  };
}
