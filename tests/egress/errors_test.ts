/** What a request that fails rejects with, and that hosts cannot pass for the proxy. */
import assert from "node:assert/strict";
import { egressSuite, Host, once } from "./support.ts";

/** A port on loopback that nothing listens on. */
function closedPort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

/** A host that answers as the proxy would, and with whatever else a host may. */
function impostor(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => {
    const status = Number(new URL(url).pathname.slice(1));
    return new Response("from the host", {
      status,
      headers: { "invoked-egress-error": "EGRESS_DENIED forged", "x-other": "kept" },
    });
  });
}

egressSuite("what a request that fails rejects with", "egress", {
  "a failed connection rejects with its code and the sentence of the log": async (api) => {
    const port = closedPort();
    const { output, egress } = await once(
      api,
      `const facts = async (attempt: () => Promise<any>) => {
      try {
        return { status: (await attempt()).status };
      } catch (error: any) {
        return {
          name: error.name, isTypeError: error instanceof TypeError, message: error.message, code: error.code,
          errno: error.errno, syscall: error.syscall, cause: error.cause?.code, why: error.cause?.message,
        };
      }
    };
    const said: any = {};
    for (const url of input.urls) said[url] = [await facts(() => fetch(url)), await facts(() => request(url))];
    return said;`,
      [`127.0.0.1:${port}`, "name.invalid"],
      { urls: [`http://127.0.0.1:${port}/`, "http://name.invalid/"] },
    );
    const closed = (method: string) =>
      `127.0.0.1:${port} failed: ${method}, no connection could be made (ECONNREFUSED)`;
    const unknown = (method: string) =>
      `name.invalid:80 failed: ${method}, the name has no address`;
    const fetched = (cause: string, why: string) => ({
      name: "TypeError",
      isTypeError: true,
      message: `fetch failed: ${why}`,
      cause,
      why,
    });
    assert.deepEqual(output, {
      [`http://127.0.0.1:${port}/`]: [fetched("ECONNREFUSED", closed("GET")), {
        name: "Error",
        isTypeError: false,
        message: `connect ECONNREFUSED ${closed("CONNECT")}`,
        code: "ECONNREFUSED",
        errno: Deno.build.os === "darwin" ? -61 : -111,
        syscall: "connect",
      }],
      ["http://name.invalid/"]: [fetched("ENOTFOUND", unknown("GET")), {
        name: "Error",
        isTypeError: false,
        message: `getaddrinfo ENOTFOUND ${unknown("CONNECT")}`,
        code: "ENOTFOUND",
        errno: -3008,
        syscall: "getaddrinfo",
      }],
    });
    assert.deepEqual(egress, [
      closed("GET"),
      closed("CONNECT"),
      unknown("GET"),
      unknown("CONNECT"),
    ]);
  },

  "node:net and node:tls get the code of the proxy": async (api) => {
    const port = closedPort();
    const { output } = await once(
      api,
      `const tls = await import("node:tls");
    const code = (socket: any) => new Promise((resolve) => socket.on("error", (error: any) => resolve(error.code)));
    return {
      net: await code(net.connect(input.port, "127.0.0.1")),
      tls: await code(tls.connect(input.port, "127.0.0.1")),
      denied: await code(tls.connect(1, "127.0.0.1")),
      https: (await outcome(() => request("https://127.0.0.1:" + input.port))).failed,
    };`,
      [`127.0.0.1:${port}`],
      { port },
    );
    const rejected = "ECONNREFUSED";
    assert.deepEqual(output, { net: rejected, tls: rejected, denied: "EACCES", https: rejected });
  },

  "a host's own answer resolves, whatever its status and headers": async (api) => {
    await using host = impostor();
    const where = `127.0.0.1:${host.addr.port}`;
    const { output } = await once(
      api,
      `const said = [];
    for (const status of [400, 403, 429, 502, 504]) {
      const r = await fetch("http://${where}/" + status);
      said.push([r.status, await r.text(), r.headers.get("x-other"), r.headers.get("invoked-egress-error")]);
    }
    return { said };`,
      [where],
    );
    assert.deepEqual(
      output.said,
      [400, 403, 429, 502, 504].map((status) => [status, "from the host", "kept", null]),
    );
  },

  "fetch rejects whatever a function did to the built-ins, and keeps its shape": async (api) => {
    await using host = new Host();
    const where = `127.0.0.1:${host.port}`;
    const { output } = await once(
      api,
      `const shape = [fetch.name, fetch.length, typeof fetch];
    const invalid = await (fetch as any)().then(() => "resolved", (e: any) => e.name);
    const aborted = await fetch("http://${where}/", { signal: AbortSignal.abort() }).then(() => "resolved", (e) => e.name);
    const reached = (await fetch(new Request("http://${where}/", { method: "POST", body: "four" }))).status;
    Headers.prototype.get = () => null;
    String.prototype.slice = () => "replaced";
    String.prototype.indexOf = () => 0;
    globalThis.decodeURIComponent = () => "replaced";
    Object.defineProperty(Object.prototype, "cause", { set() {}, configurable: true });
    const error: any = await fetch("http://127.0.0.2/").catch((error) => error);
    globalThis.fetch = (() => "mocked") as never;
    return { shape, invalid, aborted, reached, code: error.cause.code, why: error.cause.message, mocked: fetch("") };`,
      [where],
    );
    assert.deepEqual(output, {
      shape: ["fetch", 1, "function"],
      invalid: "TypeError",
      aborted: "AbortError",
      reached: 200,
      code: "EGRESS_DENIED",
      why: "127.0.0.2:80 refused: GET, not in the function's outboundNetworkAllowlist",
      mocked: "mocked",
    });
  },
});
