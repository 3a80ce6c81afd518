/** Starts every service of deploy/compose-cluster.yaml on this machine. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { certificateUntil, DAY_MS, KEPT_NAME } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { TestNetwork } from "../support/network.ts";
import { argumentsOf, childrenOf } from "../support/processes.ts";
import { readText } from "../support/repository.ts";
import { Images } from "./images.ts";
import { certificateNames, fetchStatus } from "./probes.ts";
import { TestServices } from "./services.ts";

/** The services that load renewed certificates, with the programs that serve in them. */
const SERVERS = [
  { name: "nats", program: "nats-server", port: 4222 },
  { name: "postgres", program: "postgres", port: 5432 },
] as const;

Deno.test("every service of the compose file starts, and the cluster runs invocations", async (t) => {
  await using opened = new AsyncDisposableStack();
  const { path: work } = opened.use(await makeTempDir());
  // Users of containers pass through.
  await Deno.chmod(work, 0o755);
  const images = await Images.prepare(work);
  const network = opened.use(await TestNetwork.open());
  const services = opened.use(
    await TestServices.open("compose-cluster.yaml", images, network, work, 1),
  );
  const inApi = async (...command: readonly string[]) => {
    const { success, output } = await services.container("api-1").exec(...command);
    assert.ok(success, output);
    return output;
  };

  await t.step("all services start", async () => {
    await services.up();
    console.log(services.started.join("\n"));
    await services.container("balancer-1").ready(async () => {
      const network = services.networkOf("balancer-1");
      return await fetchStatus(network, "http://127.0.0.1:8080/readyz") === 200;
    });
  });

  await t.step("an owner can sign in, and an invocation runs in bubblewrap", async () => {
    assert.match(await inApi("invoked", "console", "link", "--owner"), /http:\/\/localhost:8080/);
    const { clientId, clientSecret } = JSON.parse(await inApi("cat", "/data/credentials.json"));
    const client = [`INVOKED_CLIENT_ID=${clientId}`, `INVOKED_CLIENT_SECRET=${clientSecret}`];
    const input = JSON.stringify({ name: "Ada" });
    const greeting = await inApi(
      ...["env", ...client, "invoked", "invoke", "hello", "--input", input],
    );
    assert.match(greeting, /Ada/);
    assert.match(await services.container("worker-1").log(), /sandbox bubblewrap/);
  });

  await t.step("the documented command renews certificates, and nothing restarts", async () => {
    const page = await readText("docs/clustering.md");
    assert.ok(page.includes("compose-cluster.yaml up credentials keys\n"));
    const pids = await serverPids(services);
    const tls = join(work, "volumes", "volume-credentials", "tls");
    await certificateUntil(join(tls, "server"), Date.now() + 10 * DAY_MS);
    for (const name of ["credentials-1", "keys-1"]) {
      const container = services.container(name);
      await container.startAgain();
      await container.ended();
    }
    for (const { name, port } of SERVERS) {
      const network = services.networkOf(`${name}-1`);
      await eventually(async () => {
        const names = await certificateNames(network, name, "127.0.0.1", port);
        // The earlier certificates lack the first name, and the certificate about to expire lacks the second.
        return names.includes(KEPT_NAME) && names.includes(`DNS:${name}`) || undefined;
      }, `the renewed certificate of ${name}`);
    }
    assert.deepEqual(await serverPids(services), pids);
  });
});

/** The ids of the processes that listen, by the names of their services. */
async function serverPids(services: TestServices): Promise<Readonly<Record<string, number>>> {
  const pids: Record<string, number> = {};
  for (const { name, program } of SERVERS) {
    for (const pid of childrenOf(await services.container(`${name}-1`).pid())) {
      const [started = ""] = await argumentsOf(pid);
      if (basename(started) === program) pids[name] = pid;
    }
    assert.ok(pids[name] !== undefined, `${program} runs`);
  }
  return pids;
}
