/** Functions that attack the server, other functions or their client by the responses that they send. */
import assert from "node:assert/strict";
import { sharedSuite, type Stage } from "../support/suite.ts";
import { answerOf, preview, raw, recordOf, send } from "./support.ts";

/** Sends host calls as the runtime does, without its checks. */
const CALLS = `
const bytes = (text: string) => new TextEncoder().encode(text);
// deno-lint-ignore no-explicit-any
const call = (method: string, params: unknown = {}, body?: string): Promise<any> =>
  // deno-lint-ignore no-explicit-any
  (import.meta as any).invoked.call(JSON.stringify({ method, params }), body === undefined ? body : bytes(body));
const respond = (more: object = {}, body?: string) =>
  call("http.respond", { status: 200, headers: [], end: true, ...more }, body);
const never = new Promise<Response>(() => {});
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
`;

interface Attack {
  /** The body of \`fetch(request)\`. */
  readonly code: string;
  readonly status: number;
  readonly body?: RegExp;
  /** Error of the invocation; it succeeds without. */
  readonly error?: RegExp;
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  "answers twice": {
    code: `await respond({}, "first"); return new Response("second");`,
    status: 200,
    body: /^first$/,
    error: /^BAD_OUTPUT: the function responded twice$/,
  },
  "answers twice at once": {
    code: `respond({}, "first"); respond({ status: 500 }, "second"); return never;`,
    status: 200,
    body: /^first$/,
    error: /^BAD_OUTPUT: the function responded twice$/,
  },
  "writes before its response": {
    code: `await call("http.write", { end: false }, "early"); return new Response("late");`,
    status: 500,
    error: /^BAD_OUTPUT: the function wrote before its response began$/,
  },
  "writes after the end": {
    code:
      `await respond({}, "all"); await call("http.write", { end: true }, "more"); return never;`,
    status: 200,
    body: /^all$/,
    error: /^BAD_OUTPUT: the function wrote after its response was complete$/,
  },
  "ends without a response": {
    code: `setTimeout(() => Deno.exit(0)); return never;`,
    status: 500,
    error: /^EXITED: /,
  },
  "sends an invalid status": {
    code: `await respond({ status: 99 }); return never;`,
    status: 500,
    error: /^BAD_OUTPUT: the response cannot be sent: its status 99 is not between 200 and 599$/,
  },
  "switches protocols": {
    code: `await respond({ status: 101 }); return never;`,
    status: 500,
    error: /its status 101 /,
  },
  "sends a status of text": {
    code: `await respond({ status: "200 OK\\r\\nX: y" }); return never;`,
    status: 500,
    error: /its status "200 OK/,
  },
  "sends 10,000 headers": {
    code:
      `return new Response("", { headers: Array.from({ length: 10_000 }, (_, n) => ["x-" + n, "a"]) });`,
    status: 500,
    error: /^BAD_OUTPUT: the response cannot be sent: it has 10,001 headers, the limit is 200$/,
  },
  "sends a large header": {
    code: `return new Response("", { headers: { "x-large": "a".repeat(100_000) } });`,
    status: 500,
    error: /its headers have 97\\.\\d KiB, the limit is 16 KiB \\(--max-header\\)|its headers have/,
  },
  "sends headers that are no list": {
    code: `await respond({ headers: { a: "b" } }); return never;`,
    status: 500,
    error: /its headers are not a list/,
  },
  "ends a line in a header": {
    code: `await respond({ headers: [["x-a", "b\\r\\nSet-Cookie: evil=1"]] }); return never;`,
    status: 500,
    error: /the value of its header x-a is not valid in HTTP/,
  },
  "ends a line in the name of a header": {
    code: `await respond({ headers: [["x-a: b\\r\\nx-evil", "1"]] }); return never;`,
    status: 500,
    error: /it has a header with the name "x-a: b/,
  },
  "sends a header beyond Latin-1": {
    code: `await respond({ headers: [["x-a", "\\u0100\\u0a0d"]] }); return never;`,
    status: 500,
    error: /the value of its header x-a is not valid/,
  },
  "promises more bytes than it sends": {
    code: `return new Response("short", { headers: { "content-length": "100" } });`,
    status: 500,
    error: /its Content-Length is 100, its body has 5 bytes/,
  },
  "promises fewer bytes than it sends": {
    code: `return new Response("longer", { headers: { "content-length": "1" } });`,
    status: 500,
    error: /its Content-Length is 1, its body has 6 bytes/,
  },
  "promises another length than a large body has": {
    code:
      `return new Response(new Uint8Array(2_000_000), { headers: { "content-length": "10" } });`,
    status: 500,
    error: /its Content-Length is 10, its body has 2000000 bytes/,
  },
  "promises two lengths": {
    code:
      `await respond({ headers: [["content-length", "1"], ["Content-Length", "2"]] }, "a"); return never;`,
    status: 500,
    error: /its Content-Length "1" is not a number of bytes/,
  },
  "frames the body itself": {
    code:
      `await respond({ headers: [["transfer-encoding", "chunked"], ["connection", "x-a"], ["x-a", "b"]] },
      "0\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\n\\r\\n"); return never;`,
    status: 200,
    body: /^0\r\n\r\nHTTP\/1\.1 200 OK\r\n\r\n$/,
    error: /^EXITED: /,
  },
  "reads the body in 16 calls at once": {
    code: `const all = await Promise.all(Array.from({ length: 16 }, () => call("http.read")));
      return new Response(all.map(({ bytes }) => new TextDecoder().decode(bytes)).join(""));`,
    status: 200,
    body: /^a body$/,
  },
  "calls what does not exist": {
    code: `const { done, json } = await call("http.nothing"); return new Response(done + json);`,
    status: 200,
    body: /^false.*no method http\.nothing/,
  },
  "never reads the body": { code: `return new Response("unread");`, status: 200, body: /^unread$/ },
};

async function attacks({ client }: Stage): Promise<void> {
  const cases = Object.values(ATTACKS).map(({ code }, n) =>
    `"/${n}": async (request: Request): Promise<Response> => { void request; ${code} },`
  );
  const app = await preview(
    client,
    `${CALLS}
    const attacks: Record<string, (request: Request) => Promise<Response>> = {${cases.join("\n")}};
    export default { fetch: (request: Request) => attacks[new URL(request.url).pathname]!(request) };`,
  );
  await Promise.all(
    Object.entries(ATTACKS).map(async ([name, { status, body, error }], n) => {
      const response = await send(client, app, `/${n}`, { method: "POST", body: "a body" });
      const text = await response.text();
      assert.equal(response.status, status, `${name}: ${text}`);
      const id = response.headers.get("invocation-id");
      if (body !== undefined) assert.match(text, body, name);
      else if (status === 500) assert.deepEqual(JSON.parse(text), { invocationId: id }, name);
      for (const header of ["set-cookie", "x-evil"]) {
        assert.equal(response.headers.get(header), null, name);
      }
      const record = await recordOf(client, app, response);
      if (error === undefined) assert.equal(record.error, undefined, name);
      else assert.match(record.error ?? "none", error, name);
    }),
  );
}

/** Cut by the server: the client must not take them for whole. */
const CUT: Readonly<Record<string, readonly [code: string, error: RegExp]>> = {
  "ends a stream early": [
    `await respond({ end: false, headers: [["content-length", "10"]] }, "abc");
      await call("http.write", { end: true }, "de"); return never;`,
    /^BAD_OUTPUT: .*its Content-Length is 10, its body has 5 bytes$/,
  ],
  "writes more than promised": [
    `await respond({ end: false, headers: [["content-length", "4"]] }, "abc");
      await call("http.write", { end: false }, "de"); return never;`,
    /^BAD_OUTPUT: .*its Content-Length is 4, its body has at least 5 bytes$/,
  ],
  "throws in the middle": [
    `let n = 0;
      return new Response(new ReadableStream({
        async pull(controller) {
          await pause(5);
          if (n++ > 2) throw new Error("midway");
          controller.enqueue(bytes("abc"));
        },
      }));`,
    /^UNCAUGHT: Error: midway/,
  ],
  "sends more than the limit": [
    `return new Response(new ReadableStream({
      pull(controller) { controller.enqueue(new Uint8Array(65_536)); },
    }));`,
    /^BAD_OUTPUT: .*its body exceeds the limit of 2 MiB \(--endpoint-body-limit\)$/,
  ],
};

async function cutOff({ client }: Stage): Promise<void> {
  const cases = Object.values(CUT).map(([code], n) =>
    `"/${n}": async (): Promise<Response> => { ${code} },`
  );
  const app = await preview(
    client,
    `${CALLS}
    const attacks: Record<string, () => Promise<Response>> = {${cases.join("\n")}};
    export default { fetch: (request: Request) => attacks[new URL(request.url).pathname]!() };`,
  );
  await Promise.all(
    Object.entries(CUT).map(async ([name, [_, error]], n) => {
      const response = await send(client, app, `/${n}`);
      assert.equal(response.status, 200, name);
      await assert.rejects(response.bytes(), name);
      assert.match((await recordOf(client, app, response)).error, error, name);
    }),
  );
}

/** Globals that a function may replace before it answers: its response is right, or its own invocation fails. */
const POISONS = [
  `Response.prototype.arrayBuffer = () => { throw 1; };
    for (const key of ["status", "headers", "body"]) {
      Object.defineProperty(Response.prototype, key, { get() { throw new Error("LEAK"); } });
    }`,
  `ReadableStream.prototype.getReader = () => { throw new Error("LEAK"); };
    ReadableStreamDefaultReader.prototype.read = () => { throw new Error("LEAK"); };`,
  `Promise.prototype.then = Promise.prototype.catch = () => { throw new Error("LEAK"); };`,
  `Promise.prototype.finally = null; Object.defineProperty(Promise.prototype, "constructor", { get() { throw new Error("LEAK"); } });`,
  `Headers.prototype.forEach = Headers.prototype.append = () => { throw new Error("LEAK"); };
    Headers.prototype[Symbol.iterator] = function* () {};`,
  `Array.prototype[Symbol.iterator] = function* () {}; Array.prototype.push = () => 0;
    Object.defineProperty(Array.prototype, "0", { set() {}, get() { return "LEAK"; } });`,
  `Object.defineProperty(Object.prototype, "fetch", { value: () => new Response("LEAK") });
    for (const key of ["end", "gone", "keep", "done", "json"]) {
      Object.defineProperty(Object.prototype, key, { get: () => true, configurable: true });
    }`,
  `Uint8Array.prototype.set = Uint8Array.prototype.subarray = () => { throw new Error("LEAK"); };
    Object.defineProperty(Object.getPrototypeOf(Uint8Array.prototype), "byteLength", { get: () => 1e9 });`,
  `JSON.stringify = () => '"LEAK"'; JSON.parse = () => ({ method: "LEAK" });
    String.prototype.toJSON = Array.prototype.toJSON = () => "LEAK";`,
  `globalThis.Request = globalThis.Headers = globalThis.AbortController = class { constructor() { throw new Error("LEAK"); } };`,
  `Function.prototype.bind = Function.prototype.call = Function.prototype.apply = () => { throw new Error("LEAK"); };
    Reflect.apply = Reflect.construct = Reflect.get = () => { throw new Error("LEAK"); };`,
];

async function poisons({ client }: Stage): Promise<void> {
  await Promise.all(POISONS.map(async (poison) => {
    const main = (when: string) => `
      const { Response: Own } = globalThis;
      const poison = () => { ${poison} };
      ${when === "top" ? "poison();" : ""}
      export const fetch = (_: Request) => {
        ${when === "call" ? "poison();" : ""}
        return new Own("fi" + "ne", { headers: { "x-a": "b" } });
      };`;
    for (const when of ["top", "call"]) {
      const response = await send(client, await preview(client, main(when)));
      const text = await response.text();
      // V8 itself looks up how promises settle.
      if (poison.startsWith("Promise") && response.status === 500) continue;
      assert.equal(text, "fine", `${when}: ${poison}`);
      assert.notEqual(response.headers.get("x-a"), "LEAK", poison);
    }
  }));
}

const STACKS = `
const stacks: string[] = [];
const note = () => { stacks.push(new Error().stack ?? ""); };
Object.defineProperty(Object.prototype, "then", { get() { note(); return undefined; }, configurable: true });
export default {
  get fetch() {
    note();
    return (request: Request) => {
      note();
      request.signal.addEventListener("abort", note);
      let n = 0;
      return new Response(new ReadableStream({
        async pull(controller) {
          note();
          if (n++ === 3) {
            controller.enqueue(new TextEncoder().encode(stacks.join("\\n")));
            controller.close();
          } else {
            await request.text().catch(() => {});
            controller.enqueue(new Uint8Array(10).fill(46));
          }
        },
      }));
    };
  },
};`;

async function stacks({ client, server }: Stage): Promise<void> {
  const app = await preview(client, STACKS);
  const response = await send(client, app, "/", { method: "POST", body: "a" });
  const text = await response.text();
  assert.match(text, /bundle\.js/);
  assert.doesNotMatch(text, /runtime|file:|\/tmp/);
  assert.ok(!text.includes(server.dataDir));
}

async function beforeTheInvocation({ client }: Stage): Promise<void> {
  const app = await preview(
    client,
    `${CALLS}
    respond({ headers: [["x-early", "yes"]] }, "early");
    export default { fetch: () => new Response("in time") };`,
  );
  const response = await send(client, app);
  assert.equal(await response.text(), "early");
  assert.match((await recordOf(client, app, response)).error, /responded twice/);
}

/** The server still answers others, and each connection gets its own answers. */
async function neighbours({ client, server }: Stage): Promise<void> {
  const app = await preview(client, `export default { fetch: () => new Response("own") };`);
  const head = `GET ${app.path}/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${client.token}\r\n`;
  const text = await raw(server.url, `${head}\r\n${head}Connection: close\r\n\r\n`);
  assert.equal(text.split("own").length - 1, 2);
  const json = await preview(client, `export default () => ({});`);
  assert.equal((await answerOf(await send(client, json))).status, 404);
}

sharedSuite("hostile functions that answer requests", {
  "send no invalid response": attacks,
  "send no part of a response as a whole one": cutOff,
  "poison only themselves": poisons,
  "see no path of the server": stacks,
  "answer before they are called": beforeTheInvocation,
  "harm no others": neighbours,
}, "proxied");
