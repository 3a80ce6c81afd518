/**
 * Serves the example tenant over TLS on loopback, for tests and for clients of C1's API:
 *
 *     node_modules/deno/deno run --allow-all examples/tenant/serve.ts --port 8443 --cert server.pem --key server.key
 */
import { parseArgs } from "node:util";
import { type ExampleCredentials, exampleCredentials, exampleTenant } from "./app.ts";

/** A running tenant; disposing it closes its port. */
export interface ServedTenant extends AsyncDisposable {
  /** Of the client that may change the tenant. */
  readonly credentials: ExampleCredentials;
  /** Of the client that may only read. */
  readonly readOnly: ExampleCredentials;
}

/** PEM of the certificate of 127.0.0.1 and its key, and the port; 0 for any. */
export interface ServeOptions {
  readonly cert: string;
  readonly key: string;
  readonly port: number;
}

/** Serves a new tenant. */
export function serveExampleTenant({ cert, key, port }: ServeOptions): ServedTenant {
  const options = { hostname: "127.0.0.1", port, cert, key, onListen() {} };
  const server = Deno.serve(options, exampleTenant());
  const host = `127.0.0.1:${server.addr.port}`;
  return {
    credentials: exampleCredentials(host),
    readOnly: exampleCredentials(host, "READ"),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: "string" }, cert: { type: "string" }, key: { type: "string" } },
  });
  if (values.cert === undefined || values.key === undefined) {
    console.error("Name the files of a certificate for 127.0.0.1 with --cert and --key");
    Deno.exit(2);
  }
  const { credentials } = serveExampleTenant({
    cert: await Deno.readTextFile(values.cert),
    key: await Deno.readTextFile(values.key),
    port: Number(values.port ?? 0),
  });
  for (const [name, value] of Object.entries(credentials)) console.log(`${name}: ${value}`);
}
