/** haproxy in front of the API nodes. */
import { answersOk } from "./network.ts";
import type { Program } from "./processes.ts";

/** A load balancer that sends each request to an API node that is ready. */
export async function prepareBalancer(
  file: string,
  port: number,
  nodePorts: readonly number[],
): Promise<Program> {
  const lines = [
    "global",
    "  maxconn 4000",
    "defaults",
    "  mode http",
    "  timeout connect 2s",
    // A node that is busy has not ended.
    "  timeout check 10s",
    // Waiting invocations, and logs that are followed.
    "  timeout client 1h",
    "  timeout server 1h",
    // A request on a connection that was used before could be repeated by its client without a word.
    "  option http-server-close",
    "  option forwardfor",
    "  option httpchk",
    "  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host invoked",
    // A node that has just ended: another takes the request.
    "  retry-on conn-failure empty-response 503",
    "  option redispatch",
    "frontend invoked",
    `  bind 127.0.0.1:${port}`,
    // The API nodes trust this proxy, which writes the other header.
    "  http-request del-header Forwarded",
    // Once a node has the request, its function may have run, so it is sent again only if that is harmless.
    "  http-request disable-l7-retry unless METH_GET or { req.hdr(Idempotency-Key) -m found }",
    "  default_backend api",
    "backend api",
    "  balance leastconn",
    ...nodePorts.map((nodePort, index) =>
      `  server api-${index + 1} 127.0.0.1:${nodePort} check inter 500ms fall 2 rise 1`
    ),
  ];
  await Deno.writeTextFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  return {
    name: "haproxy",
    command: ["haproxy", "-db", "-f", file],
    stopSignal: "SIGUSR1",
    stopOrder: 3,
    isReady: () => answersOk(`http://127.0.0.1:${port}/readyz`),
  };
}
