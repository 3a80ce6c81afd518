import assert from "node:assert/strict";
import { join } from "node:path";
import { makeTempDir, runInvoked } from "../support/invoked.ts";

/** A PATH with the programs that `bin/invoked` needs and without wrappers. */
async function bareSearchPath(directory: string): Promise<string> {
  for (const name of ["cat", "dirname", "head", "node", "npm", "readlink", "sed", "sh"]) {
    for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
      const found = await Deno.stat(`${folder}/${name}`).then(() => true, () => false);
      if (!found) continue;
      await Deno.symlink(`${folder}/${name}`, `${directory}/${name}`);
      break;
    }
  }
  return directory;
}

Deno.test("doctor prints the isolation, versions, limits and what is missing", async () => {
  await using directory = await makeTempDir();
  const file = join(directory.path, "invoked-server.toml");
  await Deno.writeTextFile(file, '[invocations]\nmemory = "64MiB"\n');
  const { code, stdout, stderr } = await runInvoked(["doctor", "--config", file]);
  for (
    const heading of ["Verdict", "Configuration", "Versions", "Isolation", "Limits", "Missing"]
  ) {
    assert.match(stdout, new RegExp(`^${heading}`, "m"));
  }
  assert.match(stdout, /^ {2}process +available: process \(/m);
  assert.match(stdout, /^ {2}forks +available: each invocation has a process/m);
  assert.match(
    stdout,
    /^ {2}abstract sockets +(?:closed to invocations|open to native code in an invocation): /m,
  );
  assert.match(stdout, /^Isolation of builds\n {2}available {2}\w+ \(/m);
  assert.match(stdout, /^ {2}--memory +64 MiB /m);
  assert.ok(stdout.includes(`  file               ${file}: 1 setting in force\n`), stdout);
  const { stdout: json } = await runInvoked(["doctor", "--json", "--config", file]);
  const report = JSON.parse(json);
  // A machine without bubblewrap runs functions, but not in the strongest isolation.
  const isFine = report.isolation.selected === "bubblewrap";
  assert.deepEqual([code, report.verdict], [isFine ? 0 : 1, isFine ? "fine" : "degraded"], stderr);
  if (isFine) assert.deepEqual([stderr, report.findings], ["", []]);
  assert.equal(report.limits["invocations.memoryBytes"], 64 * 1024 * 1024);
  assert.equal(report.versions.deno, Deno.version.deno);
  assert.equal(report.isolation.modes.length, 3);
  assert.equal(report.isolation.forks.available, true, report.isolation.forks.detail);
  assert.ok(report.isolation.builds.detail.startsWith(report.isolation.selected));
  if (report.isolation.selected === "bubblewrap") {
    assert.equal(report.isolation.abstractSockets.closed, true);
  }
  assert.equal(
    report.isolation.selected,
    report.isolation.modes.find((mode: { available: boolean }) => mode.available).mode,
  );
});

Deno.test("doctor exits with 3 and serve does not start when the configured isolation is not available", async () => {
  await using directory = await makeTempDir();
  const path = await bareSearchPath(directory.path);
  const options = { env: { PATH: path } };
  for (const mode of ["bubblewrap", "landlock"]) {
    const tls = ["--tls-cert", `${path}/none.pem`, "--tls-key", `${path}/none.key`];
    const missing = [
      ...["--otlp-endpoint", "http://127.0.0.1:1", "--otlp-headers-file", `${path}/none.headers`],
      ...["--master-key-file", `${path}/none.master`, "--egress-ca", `${path}/none.ca`],
    ];
    const args = ["doctor", "--json", "--isolation", mode, ...tls, ...missing];
    const doctor = await runInvoked(args, options);
    assert.equal(doctor.code, 3);
    assert.match(
      doctor.stderr,
      new RegExp(
        `^error: The verdict is broken: Functions cannot be isolated as configured: ${mode}; Builds fail: .*; A file that a setting names cannot be used: invalid --tls-cert or --tls-key: failed to read .*none.(?:pem|key): .*\n$`,
      ),
    );
    const report = JSON.parse(doctor.stdout);
    assert.deepEqual(
      report.configuration.unusableFiles.map((reason: string) => /none\.\w+/.exec(reason)?.[0])
        .slice(1),
      ["none.headers", "none.ca", "none.master"],
    );
    assert.equal(report.verdict, "broken");
    assert.equal(report.isolation.selected, null);
    if (mode === "landlock") {
      assert.equal(report.isolation.abstractSockets.closed, false);
      assert.match(report.isolation.abstractSockets.detail, /only the mode bubblewrap closes them/);
    }
    assert.ok(
      report.missing.some(({ missing }: { missing: string }) => missing.startsWith("bubblewrap: ")),
    );
    const serve = await runInvoked(
      [
        "serve",
        "--port",
        "0",
        "--data",
        `${path}/data`,
        "--isolation",
        mode,
        "--log-level",
        "error",
      ],
      options,
    );
    assert.equal(serve.code, 1);
    assert.match(
      serve.stderr,
      new RegExp(
        `^error: The server did not start: no isolation for \\w+ is available: ${mode}: .* was not found; .*\n$`,
      ),
    );
  }
  const weak = await runInvoked(["doctor", "--json"], options);
  assert.equal(weak.code, 1);
  assert.match(
    weak.stderr,
    /^error: The verdict is degraded: Functions run in process: bubblewrap is not available: .*; Builds run in a weaker isolation .*; Each invocation starts a process instead of a fork: .*\n$/,
  );
  const chosen = await runInvoked(["doctor", "--isolation", "process"], options);
  assert.equal(chosen.code, 1);
  assert.match(
    chosen.stdout,
    /^Verdict: degraded\n {2}degraded: Each invocation starts a process instead of a fork: .*\n\n/,
    "a mode that the operator has chosen is not a finding",
  );
  assert.match(JSON.parse(weak.stdout).isolation.modes[2].detail, /deno permissions ONLY/);
});
