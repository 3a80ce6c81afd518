/** SIGHUP: a server applies the log level and a renewed certificate, keeps its connections, and survives bad files. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { selfSignedSource } from "../../src/http/tls/self_signed.ts";
import { HeldSocket } from "../../src/shared/held_socket.ts";
import { eventually } from "../support/eventually.ts";
import { HeldServer } from "../support/held_server.ts";
import { makeTempDir } from "../support/invoked.ts";
import { getRequest, Line } from "../support/line.ts";
import { signalUnlessEnded } from "../support/processes.ts";
import { makeDataDir } from "../support/server.ts";

/** Becomes the command, and sends it SIGHUP as soon as it is the runtime, which then listens for nothing yet. */
const HUP_AT_START = [
  "sh",
  "-c",
  `pid=$$
{ until read -r name <"/proc/$pid/comm" && [ "$name" = deno ]; do :; done; kill -HUP "$pid"; } &
exec "$@"`,
  "sh",
];

Deno.test("SIGHUP applies what can change, and keeps serving whatever is wrong", async (t) => {
  await using directory = await makeTempDir();
  const at = (name: string) => join(directory.path, name);
  const identities = await Promise.all(["old", "new"].map(async (name) => {
    const source = await selfSignedSource(at(name), []);
    return { ...await source.load(), ca: await Deno.readTextFile(source.caFile) };
  }));
  const [old, renewed] = identities;
  assert.ok(old && renewed);
  const file = at("invoked-server.toml");
  const configure = (level: string, more = "") =>
    Deno.writeTextFile(
      file,
      `[tls]\ntls-cert = "cert.pem"\ntls-key = "key.pem"\n[logging]\nlog-level = "${level}"\n${more}`,
    );
  const certify = async (cert: string, key: string) => {
    await Deno.writeTextFile(at("cert.pem"), cert);
    await Deno.writeTextFile(at("key.pem"), key);
  };
  await certify(old.cert, old.key);
  await configure("error");

  using socket = await HeldSocket.bind("127.0.0.1", 0);
  const dataDir = await makeDataDir();
  await using _data = { [Symbol.asyncDispose]: () => Deno.remove(dataDir, { recursive: true }) };
  await using server = await HeldServer.start(socket, {
    dataDir,
    flags: ["--config", file],
    launcher: HUP_AT_START,
  });
  const { port } = socket.address;
  const open = ({ ca }: { readonly ca: string }) =>
    Line.open({ hostname: "127.0.0.1", port, caCerts: [ca] });
  using kept = await open(old);
  const answers = async (line: Line) =>
    assert.equal((await line.ask(getRequest("/readyz"))).status, 200);
  /** Sends SIGHUP, and resolves with what the server has logged since, once this is in it. */
  const reload = async (expected: RegExp) => {
    const { length } = server.output.log;
    signalUnlessEnded(server.pid, "SIGHUP");
    const log = () => server.output.log.slice(length);
    await eventually(() => expected.test(log()) || undefined, String(expected));
    await answers(kept);
    return log();
  };
  await answers(kept);

  await t.step("a certificate that is not written to its end", async () => {
    const half = renewed.cert.slice(0, renewed.cert.length / 2);
    const whole = renewed.cert + renewed.ca;
    for (
      const [cert, key, reason] of [
        [half, renewed.key, /cert\.pem does not begin with a PEM certificate/],
        [renewed.cert + half, renewed.key, /cert\.pem ends within certificate 2/],
        [
          whole.replace(/[A-Za-z0-9+/]{8}(?=[^-]*-----END CERTIFICATE-----\s*$)/, "########"),
          renewed.key,
          /certificate 2 of .*cert\.pem is damaged/,
        ],
        [renewed.cert, old.key, /key\.pem is not the key of the certificate/],
        [renewed.cert, "", /key\.pem does not begin with a PEM unencrypted private key/],
      ] as const
    ) {
      await certify(cert, key);
      await reload(reason);
      using line = await open(old);
      await answers(line);
    }
  });
  await t.step("a file with an error; the certificate is renewed all the same", async () => {
    await certify(renewed.cert + renewed.ca, renewed.key);
    await Deno.writeTextFile(file, "[logging\n");
    await reload(/old settings stay in force: Invalid TOML at .*invoked-server\.toml:\d+:\d+: /);
    using line = await open(renewed);
    await answers(line);
    await assert.rejects(
      async () => {
        using stranger = await open(old);
        await answers(stranger);
      },
      /UnknownIssuer|BadSignature/,
    );
  });
  await t.step("the log level, and the names of all settings that need a restart", async () => {
    await configure("debug", '[server]\ndrain-timeout = "1m"\n[invocations]\nmax-queued = 5\n');
    const log = await reload(/reloaded after SIGHUP: the log level is debug/);
    assert.match(log, /apply after a restart: --drain-timeout, --max-queued"/);
    await configure("error", '[server]\ndrain-timeout = "30s"');
    signalUnlessEnded(server.pid, "SIGHUP");
    await eventually(async () => {
      const { length } = server.output.log;
      await answers(kept);
      await kept.ask(getRequest("/api/v1/functions"));
      return server.output.log.length === length || undefined;
    }, "a request without a line in the log");
  });
  await t.step("other files, and HTTPS that cannot end without a restart", async () => {
    await Deno.rename(at("cert.pem"), at("b.pem"));
    await certify(old.cert, old.key);
    await Deno.rename(at("cert.pem"), at("a.pem"));
    await configure("info");
    await Deno.writeTextFile(file, (await Deno.readTextFile(file)).replace("cert.pem", "a.pem"));
    await reload(/reloaded after SIGHUP/);
    using line = await open(old);
    await answers(line);
    // The files of the start hold the renewed certificate.
    await certify(renewed.cert + renewed.ca, renewed.key);
    await Deno.writeTextFile(at("a.key"), old.key);
    const moved = '[tls]\ntls-cert = "a.pem"\ntls-key = "a.key"\n[logging]\nlog-level = "info"\n';
    await Deno.writeTextFile(file, moved);
    await reload(/reloaded after SIGHUP/);
    await Deno.writeTextFile(file, `${moved}[logging\n`);
    await reload(/old settings stay in force/);
    using unmoved = await open(old);
    await answers(unmoved);
    await Deno.writeTextFile(file, "");
    await reload(/apply after a restart: --tls-cert, --tls-key"/);
    using again = await open(old);
    await answers(again);
  });
  assert.equal(await server.stop(), 0, server.output.log);
});
