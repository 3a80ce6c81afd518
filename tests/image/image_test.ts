/** The container image: what is in it, and its server in containers without privileges. */
import assert from "node:assert/strict";
import { withoutAdded } from "../../deploy/seccomp.ts";
import SECCOMP from "../../deploy/seccomp.json" with { type: "json" };
import { type Answer, type Client, type Json, unbase64 } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { makeTempDir } from "../support/invoked.ts";
import { ok } from "../support/expect.ts";
import { TestNats } from "../support/nats.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ARCHITECTURE } from "../../scripts/image/facts.ts";
import { composeFlags } from "./compose.ts";
import { Engine } from "./engine.ts";

/** What every container must allow to take away. */
const HARDENED = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"];
const ARCHIVE_MAX_BYTES = 60_000_000;
/** All that can be executed in the image, without versions and names of architectures. */
const PROGRAMS = [
  "usr/bin/bwrap",
  "usr/bin/dash",
  "usr/bin/invoked",
  "usr/bin/setpriv",
  "usr/bin/setsid",
  "usr/bin/tini",
  "usr/lib/*-linux-gnu/ld-linux-*",
  "usr/lib/*-linux-gnu/libc.so.6",
  "usr/lib/invoked/bin/deno",
  "usr/lib/invoked/bin/invoked",
  "usr/lib/invoked/bundler/esbuild-*",
];

/** Returns after the time of its input. */
const SLEEPS = `export default async function main({ ms }: { ms: number }) {
  console.log("up");
  await new Promise((resolve) => setTimeout(resolve, ms));
  return { slept: ms };
}
`;

Deno.test("the image runs a server in a container without privileges", async (t) => {
  await using engine = await Engine.open();

  await t.step("its format is Docker's, with a health check, a user and a volume", async () => {
    const image = await engine.inspect();
    assert.equal(image.ManifestType, "application/vnd.docker.distribution.manifest.v2+json");
    const { User, Volumes, ExposedPorts, StopSignal, Labels } = image.Config;
    assert.deepEqual(
      { User, Volumes, ExposedPorts, StopSignal },
      {
        User: "10001:10001",
        Volumes: { "/data": {} },
        ExposedPorts: { "8080/tcp": {} },
        StopSignal: "SIGTERM",
      },
    );
    assert.equal(image.Healthcheck.Test[0], "CMD");
    assert.equal(Labels["org.opencontainers.image.licenses"], "Apache-2.0");
    assert.match(Labels["org.opencontainers.image.version"], /^\d+\.\d+\.\d+/);
    const { size } = await Deno.stat(engine.archive);
    assert.ok(size <= ARCHIVE_MAX_BYTES, `the archive has ${size} bytes`);
  });

  await t.step("it has few programs, and the packages of all with their licenses", async () => {
    const { files, programs } = await engine.content();
    assert.deepEqual(programs.map(withoutVersions).toSorted(), PROGRAMS);
    assert.ok(files.includes("usr/lib/invoked/deploy/seccomp.json"), "docker cp can read it");
    const packages = files.filter((path) => path.startsWith("var/lib/dpkg/status.d/"))
      .map((path) => path.slice(path.lastIndexOf("/") + 1));
    assert.ok(packages.includes("libc6") && packages.includes("bubblewrap"));
    for (const name of packages) {
      assert.ok(files.some((path) => path.startsWith(`usr/share/doc/${name}`)), name);
    }
    assert.ok(files.includes("usr/share/doc/SOURCES"), "where the sources of GPL programs are");
    const bundlers = files.filter((path) => /esbuild[-+]/.test(path)).map(withoutVersions);
    assert.deepEqual(bundlers.toSorted(), [
      "usr/lib/invoked/bundler/esbuild-*",
      `usr/lib/invoked/licenses/@esbuild+linux-${ARCHITECTURE.node}-0.25.5.txt`,
    ]);
  });

  await t.step("it makes the credentials of a cluster", async () => {
    await using directory = await makeTempDir();
    const { path } = directory;
    await engine.run(path, "cluster", "credentials", path, "nats.example");
    await engine.run(path, "cluster", "sign-user", `${path}/nats`, "worker", "w1", `${path}/w1`);
    assert.match(await Deno.readTextFile(`${path}/nats/nats.conf`), /include "accounts\.conf"/);
    assert.match(await Deno.readTextFile(`${path}/w1`), /BEGIN NATS USER JWT/);
  });

  await t.step("a worker answers the health check at the port of the same variable", async () => {
    await using nats = await TestNats.start({ tls: false });
    const flags = [...HARDENED, `--env=INVOKED_NATS=${nats.address.url}`];
    await using worker = await engine.start("worker", flags, "worker", "--capacity=1");
    assert.equal(await worker.health(), true);
    assert.equal(await worker.health({ INVOKED_PORT: "1" }), false);
    await worker.stop();
    assert.equal(await worker.state("ExitCode"), "0");
  });

  await t.step("as deploy/compose.yaml has it, with PostgreSQL", async (t) => {
    await using postgres = await TestPostgres.start({ tls: false });
    const flags = await composeFlags(new URL(await postgres.database()));
    // As with Docker, the data directory is all that can be written.
    await using server = await engine.start("compose", [...flags, "--read-only-tmpfs=false"]);
    const client = await server.client();

    await t.step("functions run in bubblewrap, as forks", async () => {
      const { walls, instances } = ok(await client.get("/api/v1/status"));
      assert.match(walls, /^bubblewrap /);
      assert.notEqual(instances, undefined);
    });

    await t.step("the health check passes, and fails where nothing listens", async () => {
      assert.equal(await server.health(), true);
      assert.equal(await server.health({ INVOKED_PORT: "1" }), false);
    });

    await t.step("SIGTERM waits for an invocation, whose record the volume keeps", async () => {
      const id = await client.deploy(SLEEPS);
      const call = client.invoke(id, { ms: 3_000 });
      const invocationId = await started(client, id);
      await server.stop();
      assert.deepEqual(outputOf(await call), { slept: 3_000 });
      assert.equal(await server.state("ExitCode"), "0");
      await server.startAgain();
      const again = await server.client();
      const { status } = await again.invocation(id, invocationId);
      assert.equal(status, "FUNCTION_INVOCATION_STATUS_SUCCESS");
      assert.deepEqual(outputOf(await again.invoke(id, { ms: 1 })), { slept: 1 });
    });
  });

  await t.step("with Docker's default profile it says what is lost, and works", async () => {
    const profile = await engine.file("docker.json", JSON.stringify(withoutAdded(SECCOMP)));
    // As the kubelet makes the volume of a pod: the server owns only a directory in it.
    await using volume = await makeTempDir();
    await Deno.chown(volume.path, 0, 10_001);
    await Deno.chmod(volume.path, 0o2777);
    const flags = [...HARDENED, `--security-opt=seccomp=${profile}`];
    const data = [`--volume=${volume.path}:/pod`, "--env=INVOKED_DATA=/pod/node"];
    await using server = await engine.start("default", [...flags, ...data]);
    assert.match(
      await server.log(),
      /for lack of namespaces .* docker run .*deploy\/seccomp\.json/,
    );
    const client = await server.client(`${volume.path}/node`);
    const { walls, instances } = ok(await client.get("/api/v1/status"));
    assert.match(walls, /^landlock /);
    assert.notEqual(instances, undefined, "invocations are forks");
    const id = await client.deploy(SLEEPS);
    assert.deepEqual(outputOf(await client.invoke(id, { ms: 1 })), { slept: 1 });
    await eventually(
      async () => (await server.zombies()).length === 0 ? true : undefined,
      "the end of all processes of the build",
    );
  });
});

function outputOf(answer: Answer<Json>): Json {
  return JSON.parse(unbase64(ok(answer).json));
}

/** The id of the newest invocation, once its function has printed something. */
async function started(client: Client, functionId: string): Promise<string> {
  return await eventually(async () => {
    const { list: [newest] } = ok(await client.get(`/api/v1/functions/${functionId}/invocations`));
    if (newest === undefined) return undefined;
    const path = `/api/v1/functions/${functionId}/invocations/${newest.id}/logs`;
    return ok(await client.get(path)).list.length > 0 ? newest.id : undefined;
  }, "a started invocation");
}

/** A path with `*` for what differs between versions and architectures. */
function withoutVersions(path: string): string {
  return path.replace(/(?<=usr\/lib\/)[^/]+(?=-linux-gnu)/, "*")
    .replace(/(?<=ld-linux-|esbuild-).*/, "*");
}
