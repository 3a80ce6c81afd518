/** The Debian package, installed, used, upgraded and removed on a machine with systemd. */
import assert from "node:assert/strict";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { leafCommands, pathOf } from "../../scripts/command_line_page.ts";
import { buildPackage } from "../../scripts/debian/package.ts";
import { NPM_NAMES, ownArchitecture } from "../../scripts/debian/architecture.ts";
import { debianVersion } from "../../scripts/debian/version.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { eventually } from "../support/eventually.ts";
import { mountTest } from "../support/machine.ts";
import { newDirectory } from "../support/once.ts";
import { builtRelease } from "../support/release.ts";
import { ROOT } from "../support/repository.ts";
import { SystemdMachine } from "../support/systemd.ts";

/**
 * The published file has at most 50 MB. It takes a minute to compress, so this bounds the file that is compressed less: at
 * 52.7 MB of it the published file had 44.0 MB, and what is added to both adds less to the published one.
 */
const FAST_SIZE_MAX_BYTES = 58_000_000;
const NEXT_VERSION = `${manifest.version}.1`;
/** Prints the response of the server that says whether it accepts invocations. */
const READINESS = "exec 3<>/dev/tcp/127.0.0.1/8080; " +
  String.raw`printf "GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n" >&3; cat <&3`;
const READ = `timeout 180 bash -c '${READINESS}'`;
const HELLO = "invoked invoke hello --data /var/lib/invoked --input";

/** Prints the failures of invocations on new connections until stdin ends, then the number of responses. */
const CLIENT = `
import { request } from "node:http";
const token = Deno.args[0];
const path = Deno.args[1];
let open = true, answered = 0;
const call = () => new Promise((resolve) => {
  const headers = { authorization: "Bearer " + token, "content-type": "application/json" };
  const outgoing = request({ host: "127.0.0.1", port: 8080, path, method: "POST", headers, agent: false });
  outgoing.on("response", (response) => {
    let text = "";
    response.on("data", (part) => text += part).on("end", () => {
      if (response.statusCode === 200) answered++;
      else console.log(response.statusCode + " " + text);
      resolve();
    });
  });
  outgoing.on("error", (error) => { console.log(String(error)); resolve(); });
  outgoing.end('{"json":"e30="}');
});
Deno.stdin.readable.getReader().read().then(() => open = false);
await Promise.all([1, 2, 3].map(async () => { while (open) await call(); }));
console.log("answered " + answered);
`;

const directory = await newDirectory("debian");
const { tree } = await builtRelease();
const arch = ownArchitecture();
const file = await buildPackage({ release: tree, arch, fast: true, directory });

Deno.test("the package has at most 50 MB", async () => {
  const { size } = await Deno.stat(file);
  assert.ok(size <= FAST_SIZE_MAX_BYTES, `${size} bytes`);
});

Deno.test("a prerelease is older than its release, also for dpkg", async () => {
  const { success } = await new Deno.Command("dpkg", {
    args: ["--compare-versions", debianVersion("1.0.0-rc.1"), "lt", debianVersion("1.0.0")],
  }).output();
  assert.ok(success);
});

Deno.test("without dpkg-deb, the build of the package says so in one line", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-all", "scripts/deb.ts"],
    cwd: ROOT,
    env: { PATH: directory },
  }).output();
  const text = "error: dpkg-deb was not found; install dpkg, which every Debian system has\n";
  assert.deepEqual([code, new TextDecoder().decode(stderr)], [1, text]);
});

mountTest(
  "the package serves, is upgraded without a failed connection, and leaves the data until it is purged",
  async (test) => {
    await using machine = await SystemdMachine.boot();

    await test.step("installed, the service runs as its own user in the strongest isolation", async () => {
      await copyFile(machine, file, "/root/invoked.deb");
      await machine.run("dpkg --no-triggers --force-unsafe-io --install /root/invoked.deb");
      assert.equal(await machine.run("systemctl is-active invoked.socket"), "active\n");
      // The connection waits in the socket until the server is ready.
      assert.match(await machine.run(READ), /^HTTP\/1.1 200 /);
      assert.match(await machine.run(`${HELLO} '{"name":"Ada"}'`), /Hello, Ada/);
      const log = await machine.run("journalctl --output=cat --unit=invoked");
      assert.doesNotMatch(log, /"level":"(?:WARN|ERROR)"/);
      assert.match(log, /^ {2}sandbox +bubblewrap /m);
      assert.equal(await userOfServer(machine), "invoked");
      const modes = "stat --format='%U %a %n' /var/lib/invoked /etc/default/invoked";
      assert.equal(
        await machine.run(modes),
        "invoked 700 /var/lib/invoked\nroot 640 /etc/default/invoked\n",
      );
    });

    await test.step("it says what it has of one architecture, and what that contains", async () => {
      const found = await machine.run(
        "cd /usr/lib/invoked && ls bundler licenses | grep esbuild; grep -o '\"pkg:npm/%40esbuild/.*\"' sbom.cdx.json | sort -u",
      );
      const name = `linux-${NPM_NAMES[arch]}`;
      assert.deepEqual(found.trim().split("\n"), [
        `esbuild-0.25.5-${name}`,
        `@esbuild+${name}-0.25.5.txt`,
        `"pkg:npm/%40esbuild/${name}@0.25.5"`,
      ]);
    });

    await test.step("the units, manual pages and completions are valid", async () => {
      const units =
        "/usr/lib/systemd/system/invoked.service /usr/lib/systemd/system/invoked.socket";
      assert.deepEqual(await machine.try(`systemd-analyze verify --man=no ${units}`), {
        code: 0,
        stdout: "",
        stderr: "",
      });
      const pages = (await machine.run("cd /usr/share/man/man1 && ls invoked*")).trim().split("\n");
      const names = leafCommands(await buildProgram()).map(pathOf);
      const expected = ["invoked", ...names].map((name) => `${name.replaceAll(" ", "-")}.1.gz`);
      assert.deepEqual(pages, expected.toSorted());
      const check =
        "cd /usr/share/man/man1 && for page in invoked*; do zcat $page | groff -man -Tutf8 -wall -ww -z; done 2>&1";
      assert.equal(await machine.run(check), "");
      const words = `COMP_WORDS=(invoked dep) COMP_CWORD=1 COMP_LINE="invoked dep" COMP_POINT=11`;
      const complete = `source /usr/share/bash-completion/completions/invoked; ${words}; ` +
        '__invoked_complete invoked dep invoked; echo "\${COMPREPLY[@]}"';
      assert.equal(await machine.run(`bash -c '${complete}'`), "deploy\n");
      const others = "zsh/vendor-completions/_invoked fish/vendor_completions.d/invoked.fish";
      const firstLines = await machine.run(`cd /usr/share && head --quiet --lines=1 ${others}`);
      assert.equal(
        firstLines,
        "#compdef invoked\n# fish completion for invoked -*- shell-script -*-\n",
      );
    });

    await test.step("a port that is taken fails no installation, which names the way out", async () => {
      const take =
        "systemd-run --quiet --unit=taken --socket-property=ListenStream=127.0.0.1:8080 true";
      await machine.run(`systemctl stop invoked.socket invoked && ${take}`);
      const configure = "/var/lib/dpkg/info/invoked.postinst configure";
      const { code, stderr } = await machine.try(
        `DPKG_MAINTSCRIPT_PACKAGE=invoked ${configure} ''`,
      );
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /^invoked: the server does not run, .* systemctl edit invoked\.socket, /m,
      );
      await machine.run("systemctl stop taken.socket && systemctl start invoked");
      assert.match(await machine.run(READ), /^HTTP\/1.1 200 /);
    });

    await test.step("an upgrade fails no connection and keeps the data and settings", async () => {
      await machine.run("echo INVOKED_MAX_RUNNING=4 >>/etc/default/invoked");
      const functions = await machine.run("invoked list --json --data /var/lib/invoked");
      const before = await machine.run("systemctl show --property=MainPID invoked");
      await copyFile(machine, await nextVersion(), "/root/next.deb");
      const client = await startClient(machine);
      await machine.run(
        "dpkg --no-triggers --force-unsafe-io --force-confold --install /root/next.deb",
      );
      assert.notEqual(await machine.run("systemctl show --property=MainPID invoked"), before);
      assert.match(await machine.run(`${HELLO} '{"name":"Grace"}'`), /Hello, Grace/);
      assert.match(await client.end(), /^answered [1-9]\d*\n$/);
      assert.equal(await machine.run("invoked list --json --data /var/lib/invoked"), functions);
      assert.match(
        await machine.run(
          "invoked config --json --data /var/lib/invoked; cat /proc/$(systemctl show --property=MainPID --value invoked)/environ",
        ),
        /INVOKED_MAX_RUNNING=4/,
      );
    });

    await test.step("a reload applies the configuration file without a restart", async () => {
      const config = "/etc/invoked-server.toml";
      const settings = `echo INVOKED_CONFIG=${config} >>/etc/default/invoked && : >${config}`;
      await machine.run(`${settings} && systemctl restart invoked`);
      assert.match(await machine.run(READ), /^HTTP\/1.1 200 /);
      const mainPid = "systemctl show --property=MainPID invoked";
      const before = await machine.run(mainPid);
      const change = `printf '[logging]\\nlog-level = "debug"\\n' >${config}`;
      await machine.run(`${change} && systemctl reload invoked`);
      await eventually(
        async () =>
          /reloaded after SIGHUP: the log level is debug/.test(
            await machine.run("journalctl --output=cat --unit=invoked"),
          ) || undefined,
        "a reload",
      );
      assert.equal(await machine.run(mainPid), before);
    });

    await test.step("removed, it leaves the data; purged, nothing but its user", async () => {
      await machine.run("dpkg --remove invoked");
      assert.notEqual(
        (await machine.try("systemctl is-active invoked.service invoked.socket")).code,
        0,
      );
      assert.notEqual((await machine.try(READ)).code, 0);
      const paths = "ls -d /usr/lib/invoked /usr/bin/invoked /var/lib/invoked /etc/default/invoked";
      const left = (await machine.try(`${paths} 2>/dev/null`)).stdout;
      assert.equal(left, "/etc/default/invoked\n/var/lib/invoked\n");
      await machine.run("test -s /var/lib/invoked/invoked.db");
      await machine.run("dpkg --purge invoked");
      assert.equal((await machine.try(`${paths} 2>/dev/null`)).stdout, "");
      assert.equal(
        (await machine.try("find /etc/systemd /var/lib/systemd -name 'invoked*'")).stdout,
        "",
      );
    });

    await test.step("it is installed where systemd does not run, as in the build of an image", async () => {
      const install = "dpkg --no-triggers --force-unsafe-io --install /root/invoked.deb";
      const hidden = `mount -t tmpfs tmpfs /run/systemd && ${install} && invoked --version`;
      assert.match(
        await machine.run(`unshare --mount sh -c '${hidden}'`),
        new RegExp(`^invoked ${manifest.version}`, "m"),
      );
      const wanted = "/etc/systemd/system/multi-user.target.wants/invoked.service";
      assert.equal(
        await machine.run(`readlink ${wanted}`),
        "/usr/lib/systemd/system/invoked.service\n",
      );
    });
  },
);

/** The package with a higher version. */
async function nextVersion(): Promise<string> {
  const unpacked = join(directory, "next");
  const script =
    'dpkg-deb --raw-extract "$1" "$2" && sed -i "s/^Version: .*/Version: $3/" "$2/DEBIAN/control" && ' +
    'dpkg-deb --root-owner-group -Znone --build "$2" "$2.deb"';
  const { success } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", file, unpacked, NEXT_VERSION],
    stdout: "null",
  }).output();
  assert.ok(success);
  return `${unpacked}.deb`;
}

async function copyFile(machine: SystemdMachine, path: string, target: string): Promise<void> {
  await machine.copyInto((await Deno.open(path)).readable, target);
}

/** The user of the main process of the service. */
async function userOfServer(machine: SystemdMachine): Promise<string> {
  const main = "$(systemctl show --property=MainPID --value invoked)";
  return (await machine.run(`stat --format=%U /proc/${main}`)).trim();
}

/** Starts {@link CLIENT}; `end` stops it and returns what it has printed. */
async function startClient(machine: SystemdMachine): Promise<{ end(): Promise<string> }> {
  await machine.copyInto(new Blob([CLIENT]).stream(), "/root/client.mjs");
  const [{ id }] = JSON.parse(await machine.run("invoked list --json --data /var/lib/invoked"));
  const token = (await machine.run("invoked token --data /var/lib/invoked")).trim();
  const deno = ["/usr/lib/invoked/bin/deno", "run", "--quiet", "--no-config", "--allow-net"];
  const path = `/api/v1/functions/${id}/invoke`;
  const client = machine.start(...deno, "/root/client.mjs", token, path);
  return {
    async end() {
      await client.stdin.close();
      return new TextDecoder().decode((await client.output()).stdout);
    },
  };
}
