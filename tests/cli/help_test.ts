import assert from "node:assert/strict";
import type { Command } from "commander";
import { leafCommands, pathOf, renderCommandLinePage } from "../../scripts/command_line_page.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { INVOKED, runInvoked } from "../support/invoked.ts";

/** Their output is a program of the shell, or a file. */
const WITHOUT_JSON = ["invoked cluster secrets", "invoked completions", "invoked volumes cat"];

Deno.test("docs/cli.md is what the commands say", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/cli.md", import.meta.url));
  assert.equal(page, await renderCommandLinePage(), "run deno task docs");
});

/** What `--help` of a command prints. */
function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => text += part }).outputHelp();
  return text;
}

Deno.test("every command has --json and an example", async () => {
  const commands = leafCommands(await buildProgram());
  assert.ok(commands.length > 20);
  for (const command of commands) {
    const [path, help] = [pathOf(command), helpOf(command)];
    assert.equal(/ --json /.test(help), !WITHOUT_JSON.includes(path), path);
    const example = new RegExp(`^Examples:\n(?:  .*\n)*  .*${path}`, "m");
    assert.match(help, example, path);
  }
});

Deno.test("help names the choices of arguments, and own options before those of the server", async () => {
  for (const command of leafCommands(await buildProgram())) {
    const [path, help] = [pathOf(command), helpOf(command)];
    for (const { argChoices } of command.registeredArguments) {
      assert.ok(argChoices === undefined || help.includes(argChoices.join(", ")), path);
    }
    const [own, server] = [help.indexOf("\nOptions:"), help.indexOf("\nServer:")];
    assert.ok(own > 0 && (server < 0 || own < server), path);
  }
});

Deno.test("--help prints the help of its command", async () => {
  for (const command of leafCommands(await buildProgram()).filter((_, index) => index % 8 === 0)) {
    const { code, stdout } = await runInvoked([...pathOf(command).split(" ").slice(1), "--help"]);
    assert.deepEqual([code, stdout], [0, helpOf(command)]);
  }
});

Deno.test("commands with a local server leave its settings to --help-all", async () => {
  const own: Readonly<Record<string, readonly string[]>> = {
    dev: ["--input", "--secrets", "--var", "--record", "--replay", "--yes"],
    test: [
      ...["--watch", "--junit", "--secrets", "--var", "--record", "--replay", "--yes"],
      ...["--remote", "--commit"],
    ],
    check: [],
  };
  const flagsIn = (help: string) =>
    help.match(/^ {2}(?:-h, )?--[\w-]+/gm)?.map((flag) => flag.trim());
  await Promise.all(
    Object.entries(own).map(async ([command, flags]) => {
      const [help, all, offered, hidden] = await Promise.all([
        runInvoked([command, "--help"]),
        runInvoked([command, "--help-all"]),
        runInvoked(["complete", "--", command, "--"]),
        runInvoked(["complete", "--", command, "--max-mem"]),
      ]);
      const connection = command === "test" ? ["--server", "--profile", "--config", "--data"] : [];
      const listed = [...flags, "--help-all", "--json", "-h, --help", ...connection];
      assert.deepEqual(flagsIn(help.stdout), listed, command);
      assert.equal(all.code, 0);
      assert.deepEqual(flagsIn(all.stdout)?.filter((flag) => listed.includes(flag)), listed);
      for (const flag of ["--max-memory", "--build-timeout", "--pool-size"]) {
        assert.ok(flagsIn(all.stdout)?.includes(flag), flag);
      }
      assert.match(offered.stdout, /^--help-all\t/m);
      assert.doesNotMatch(offered.stdout, /^--max-memory\t/m);
      assert.match(hidden.stdout, /^--max-memory\t/);
    }),
  );
});

Deno.test("help of a command is its --help, and a group lists its commands", async () => {
  const [help, flag] = await Promise.all([
    runInvoked(["help", "logs"]),
    runInvoked(["logs", "--help"]),
  ]);
  assert.match(help.stdout, /--follow/);
  assert.equal(help.stdout, flag.stdout);
  const group = await runInvoked(["secrets", "--help"]);
  assert.match(group.stdout, /^ {2}unset +Remove secrets/m);
  assert.match(group.stdout, /^ {2}help +Print the help of a command/m);
});

Deno.test("completions are a program of the shell", async () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const { code, stdout } = await runInvoked(["completions", shell]);
    assert.equal(code, 0);
    assert.match(stdout, /invoked complete/);
  }
});

Deno.test("a reader may close the output of --help early", async () => {
  const process = new Deno.Command(INVOKED, {
    args: ["--help"],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await process.stdout.cancel();
  const [{ code }, stderr] = [await process.status, await new Response(process.stderr).text()];
  assert.deepEqual([code, stderr], [0, ""]);
});
