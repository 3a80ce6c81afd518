/** The services that the packages call, on loopback: each answers as much of its API as the functions use. */
import { CERT, KEY } from "../egress/certificates.ts";

/** How a service answers a request below its path. */
type Service = (request: Call) => Response | Promise<Response>;

interface Call {
  readonly method: string;
  /** The path below the service's own. */
  readonly path: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
}

/** The server that HTTP clients call: it returns the request that it received. */
function echo({ method, url, headers, body }: Call): Response {
  return Response.json({
    method,
    url: url.pathname + url.search,
    body,
    headers: {
      authorization: headers.get("authorization"),
      client: headers.get("x-client"),
      intercepted: headers.get("x-intercepted"),
      type: headers.get("content-type"),
    },
  });
}

function status({ path }: Call): Response {
  return Response.json({ status: path }, { status: Number(path.slice(1)) });
}

function bytes({ path }: Call): Response {
  return new Response(new Uint8Array(Number(path.slice(1))));
}

function redirect(): Response {
  return new Response(null, { status: 302, headers: { location: "/echo?redirected" } });
}

/** Fails the first request of each client and answers the second. */
function flaky(): Service {
  const attempts = new Map<string, number>();
  return ({ path }) => {
    const attempt = (attempts.get(path) ?? 0) + 1;
    attempts.set(path, attempt);
    return Response.json({ attempts: attempt }, { status: attempt === 1 ? 503 : 200 });
  };
}

function github({ method, url, headers, body }: Call): Response {
  if (headers.get("authorization") !== "token a-token") return new Response(null, { status: 401 });
  if (method === "POST") return Response.json(JSON.parse(body), { status: 201 });
  if (url.searchParams.has("page")) return Response.json([{ title: "third" }]);
  return Response.json([{ title: "first" }, { title: "second" }], {
    headers: { link: `<${url.href}&page=2>; rel="next"` },
  });
}

function stripe({ method, path, url, headers, body }: Call): Response {
  if (headers.get("authorization") !== "Bearer sk_test_key") {
    return Response.json({ error: { message: "no key" } }, { status: 401 });
  }
  if (method === "POST" && path === "/customers") {
    const form = new URLSearchParams(body);
    return Response.json({
      id: "cus_1",
      object: "customer",
      email: form.get("email"),
      metadata: { plan: form.get("metadata[plan]") },
    });
  }
  const isLast = url.searchParams.has("starting_after");
  const charges = isLast
    ? [{ id: "ch_3", object: "charge", amount: 3 }]
    : [{ id: "ch_1", object: "charge", amount: 1 }, { id: "ch_2", object: "charge", amount: 2 }];
  return Response.json({ object: "list", url: "/v1/charges", has_more: !isLast, data: charges });
}

function slack({ path, headers, body }: Call): Response {
  if (path !== "/chat.postMessage") return Response.json({ ok: false, error: "missing_scope" });
  const authorized = headers.get("authorization") === "Bearer xoxb-token";
  return Response.json({
    ok: authorized,
    message: { text: new URLSearchParams(body).get("text") },
  });
}

/** Keeps what was put; requests must be signed, but the signature is not checked. */
function s3(): Service {
  const objects = new Map<string, string>();
  const xml = (text: string, status = 200) =>
    new Response(`<?xml version="1.0"?>${text}`, {
      status,
      headers: { "content-type": "application/xml" },
    });
  return ({ method, path, headers, body }) => {
    if (!headers.get("authorization")?.startsWith("AWS4-HMAC-SHA256 Credential=AKIA/")) {
      return xml("<Error><Code>AccessDenied</Code></Error>", 403);
    }
    if (method === "PUT") {
      objects.set(path, body);
      return new Response(null, { headers: { etag: '"an-etag"' } });
    }
    if (path === "/reports" || path === "/reports/") {
      const listed = [...objects].map(([key, value]) =>
        `<Contents><Key>${
          decodeURIComponent(key.slice("/reports/".length))
        }</Key><Size>${value.length}</Size></Contents>`
      );
      return xml(`<ListBucketResult>${listed.join("")}</ListBucketResult>`);
    }
    const found = objects.get(path);
    return found === undefined
      ? xml("<Error><Code>NoSuchKey</Code><Message>no</Message></Error>", 404)
      : new Response(found);
  };
}

/** Server-sent events, as the APIs of language models stream. */
function events(list: readonly { readonly event?: string; readonly data: unknown }[]): Response {
  const text = list.map(({ event, data }) =>
    `${event === undefined ? "" : `event: ${event}\n`}data: ${
      typeof data === "string" ? data : JSON.stringify(data)
    }\n\n`
  ).join("");
  return new Response(text, { headers: { "content-type": "text/event-stream" } });
}

function openai({ body }: Call): Response {
  if (!JSON.parse(body).stream) {
    return Response.json({ choices: [{ message: { role: "assistant", content: "Hello" } }] });
  }
  const part = (content: string) => ({ data: { choices: [{ delta: { content } }] } });
  return events([part("Hel"), part("lo"), { data: "[DONE]" }]);
}

function anthropic({ body }: Call): Response {
  const message = { id: "m", type: "message", role: "assistant", model: "small", usage: {} };
  const block = { type: "text", text: "Hello" };
  if (!JSON.parse(body).stream) return Response.json({ ...message, content: [block] });
  const parts: { type: string; [key: string]: unknown }[] = [
    { type: "message_start", message: { ...message, content: [] } },
    { type: "content_block_start", index: 0, content_block: { ...block, text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hel" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "lo" } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: {} },
    { type: "message_stop" },
  ];
  return events(parts.map((data) => ({ event: data.type, data })));
}

function sendgrid({ headers, body }: Call): Response {
  if (headers.get("authorization") !== "Bearer SG.key") return new Response(null, { status: 401 });
  return JSON.parse(body).subject === "reject"
    ? Response.json({ errors: [{ message: "rejected" }] }, { status: 400 })
    : new Response(null, { status: 202 });
}

function google({ path, headers, body }: Call): Response {
  if (path.endsWith("/token")) {
    const assertion = new URLSearchParams(body).get("assertion") ?? "";
    const isSigned = assertion.split(".").length === 3;
    return Response.json({ access_token: isSigned ? "granted" : "", expires_in: 3600 });
  }
  if (headers.get("authorization") !== "Bearer a-token") return new Response(null, { status: 401 });
  return Response.json({
    users: [{ primaryEmail: "ada@example.com" }, { primaryEmail: "bob@example.com" }],
  });
}

function graph({ path, url }: Call): Response {
  if (path.endsWith("/none")) return Response.json({ error: { code: "none" } }, { status: 404 });
  if (url.searchParams.has("$skiptoken")) return Response.json({ value: [{ displayName: "Cy" }] });
  return Response.json({
    value: [{ displayName: "Ada" }, { displayName: "Bob" }],
    "@odata.nextLink": `${url.origin}${url.pathname}?$skiptoken=2`,
  });
}

function okta({ path, url, headers }: Call): Response {
  if (headers.get("authorization") !== "SSWS a-token") return new Response(null, { status: 401 });
  const user = (login: string) => ({ id: login, status: "ACTIVE", profile: { login } });
  if (path.endsWith("/ada")) return Response.json(user("ada"));
  if (url.searchParams.has("after")) return Response.json([user("bob")]);
  return Response.json([user("ada")], {
    headers: { link: `<${url.origin}${url.pathname}?after=1>; rel="next"` },
  });
}

function webSocket(request: Request): Response {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => {
    socket.send(typeof data === "string" ? `echo ${data}` : data);
  };
  return response;
}

/** Every service by its first path segment, over HTTPS on one port. */
export function openServices(): AsyncDisposable & { readonly url: string } {
  const services: Readonly<Record<string, Service>> = {
    echo,
    status,
    bytes,
    redirect,
    flaky: flaky(),
    github,
    v1: stripe,
    slack,
    s3: s3(),
    openai,
    anthropic,
    sendgrid,
    google,
    admin: google,
    graph,
    okta,
  };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", cert: CERT, key: KEY, onListen() {} },
    async (request) => {
      const url = new URL(request.url);
      const [, name = "", ...rest] = url.pathname.split("/");
      if (name === "ws") return webSocket(request);
      const service = services[name];
      if (service === undefined) return new Response(`no service ${name}`, { status: 404 });
      return await service({
        method: request.method,
        path: rest.map((part) => `/${part}`).join(""),
        url,
        headers: request.headers,
        body: await request.text(),
      });
    },
  );
  return {
    url: `https://localhost:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
