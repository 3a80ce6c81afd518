import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { run, sandboxTest } from "./harness.ts";

sandboxTest("no request leaves", async (sandboxes) => {
  const seen: string[] = [];
  await using canary = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    seen.push(request.url);
    return new Response("x");
  });
  const udp = createSocket("udp4").on("message", () => seen.push("udp"));
  await new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve));
  const udpPort = udp.address().port;
  const port = canary.addr.port;
  const tries = [
    `throw await (await fetch("http://127.0.0.1:${port}/")).text()`,
    `throw await (await fetch("http://localhost:${port}/")).text()`,
    `await Deno.connect({ hostname: "127.0.0.1", port: ${port} })`,
    `await new Promise((ok, no) => { const w = new WebSocket("ws://127.0.0.1:${port}/"); w.onopen = ok; w.onerror = () => no(1); })`,
    `await new Promise((ok, no) => { const e = new EventSource("http://127.0.0.1:${port}/"); e.onopen = ok; e.onerror = () => no(1); })`,
    `await new Promise(async (ok, no) => (await import("node:http")).get("http://127.0.0.1:${port}/", ok).on("error", no))`,
    `await new Promise(async (ok, no) => (await import("node:net")).connect(${port}, "127.0.0.1", ok).on("error", no))`,
    `await new Promise(async (ok, no) => (await import("node:tls")).connect(${port}, "127.0.0.1", ok).on("error", no))`,
    `await new Promise(async (ok, no) => (await import("node:http2")).connect("http://127.0.0.1:${port}/", ok).on("error", no))`,
    `await new Promise(async (ok, no) => (await import("node:dgram")).createSocket("udp4").on("error", no).send("x", ${udpPort}, "127.0.0.1", (e) => e ? no(e) : ok(1)))`,
    `await Deno.resolveDns("example.com", "A", { nameServer: { ipAddr: "127.0.0.1", port: ${udpPort} } })`,
    `await (await import("node:dns/promises")).lookup("localhost")`,
    `const { lookup } = await import("node:dns"); await new Promise((ok, no) => lookup("localhost", (e) => e ? no(e) : ok()))`,
    `await (await import("node:dns")).promises.lookupService("127.0.0.1", 80)`,
    `await new Promise(async (ok, no) => (await import("node:net")).createServer().on("error", no).listen({ path: "\\0abstract" }, ok))`,
    `Deno.createHttpClient({ proxy: { transport: "unix", path: "\\0abstract" } })`,
    `await new Promise(async (ok, no) => { const d = await import("node:dns"); d.setServers(["127.0.0.1:${udpPort}"]); d.resolve4("example.com", (e, a) => e ? no(e) : ok(a)); })`,
    `Deno.listen({ port: 0 })`,
    `await Deno.connect({ transport: "unix", path: "/tmp/x" })`,
    `await new Promise(async (ok, no) => (await import("node:net")).connect({ path: "\\0abstract" }, ok).on("error", no))`,
    `await (async () => { throw await import("http://127.0.0.1:${port}/x.js"); })()`,
  ];
  for (const attempt of tries) {
    const { outcome } = await run(
      sandboxes,
      `async function main() {
        try { ${attempt}; return { got: "LEAK" }; } catch (e) { return { denied: String(e) }; }
      }`,
    );
    // Some refusals come as an uncaught error of an event emitter.
    const told = outcome.kind === "success" ? outcome.outputJson : outcome.message;
    assert.match(told, /"denied"|NotCapable/, attempt);
  }
  assert.deepEqual(seen, []);
  await new Promise<void>((resolve) => udp.close(resolve));
});
