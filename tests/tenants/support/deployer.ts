/** A user with a profile of a tenant, in a folder with a function. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeTempDir, type Run, runInvoked, type RunOptions } from "../../support/invoked.ts";
import { CLIENT_ID, CLIENT_SECRET, StrictTenant } from "./strict_tenant.ts";

export class Deployer implements AsyncDisposable {
  private constructor(
    readonly home: string,
    /** The folder of the function. */
    readonly folder: string,
    readonly tenant: StrictTenant,
    private readonly disposables: AsyncDisposableStack,
  ) {}

  /** @param name of the function, and of its folder */
  static async start(name: string): Promise<Deployer> {
    await using disposables = new AsyncDisposableStack();
    const tenant = disposables.use(await StrictTenant.start());
    const home = disposables.use(await makeTempDir()).path;
    const folder = join(home, name);
    const made = await runInvoked(["init", folder]);
    assert.equal(made.code, 0, made.stderr);
    const args = ["login", "--tenant", tenant.url, "--client-id", CLIENT_ID, "--profile", "acme"];
    const { code, stderr } = await runInvoked([...args, "--ca", tenant.certificate.caFile], {
      env: { HOME: home },
      stdin: CLIENT_SECRET,
    });
    assert.equal(code, 0, stderr);
    tenant.seen.length = 0;
    return new Deployer(home, folder, tenant, disposables.move());
  }

  /** Runs a command in the folder. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
    return await runInvoked(args, {
      cwd: this.folder,
      ...options,
      env: { HOME: this.home, ...options.env },
    });
  }

  /** `invoked deploy --tenant acme`. */
  async deploy(...args: readonly string[]): Promise<Run> {
    return await this.run(["deploy", "--tenant", "acme", ...args]);
  }

  /** A deploy that must succeed. */
  async deployed(...args: readonly string[]): Promise<Run> {
    const run = await this.deploy("--yes", ...args);
    assert.equal(run.code, 0, run.stderr);
    return run;
  }

  async write(path: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.folder, path), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disposables.disposeAsync();
  }
}
