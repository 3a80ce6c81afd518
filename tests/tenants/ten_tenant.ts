/** A server of invoked that other servers use as a C1 tenant: it speaks the token endpoint and introspects. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";

/** A client of the tenant. */
export interface Client {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A tenant at a port of loopback, with TLS. */
export class InvokedTenant implements AsyncDisposable {
  private constructor(private readonly server: TestServer) {}

  static async start(): Promise<InvokedTenant> {
    return new InvokedTenant(await TestServer.start({ flags: ["--tls-self-signed"] }));
  }

  /** Such as `127.0.0.1:40123`. */
  get host(): string {
    return new URL(this.server.url).host;
  }

  get url(): string {
    return this.server.url;
  }

  /** The certificate authority of the tenant. */
  get caFile(): string {
    return join(this.server.dataDir, "tls", "ca.pem");
  }

  /** The flags of a server that may reach the tenant. */
  get flags(): readonly string[] {
    return ["--egress-ca", this.caFile, "--egress-allow-private", "127.0.0.0/8"];
  }

  /** The first client of the tenant. */
  async owner(): Promise<Client> {
    const { clientId, clientSecret } = await this.server.credentials();
    return { clientId, clientSecret };
  }

  /** A further client of the owner. */
  async newClient(name: string): Promise<Client> {
    const { clientId, clientSecret } = JSON.parse(
      await this.run("clients", "create", name, "--json"),
    );
    return { clientId, clientSecret };
  }

  /** Runs a command of the command line at the tenant; answers what it printed. */
  async run(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runInvoked([...args, "--data", this.server.dataDir]);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}
