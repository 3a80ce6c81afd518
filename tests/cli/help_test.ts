import assert from "node:assert/strict";
import { leafCommands, pathOf, renderCommandLinePage } from "../../scripts/command_line_page.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { runInvoked } from "../support/invoked.ts";

/** Their output is a program of the shell, or a file. */
const WITHOUT_JSON = ["invoked completions", "invoked volumes cat"];
/** Its help is the library's. */
const WITHOUT_EXAMPLE = ["invoked completions"];

Deno.test("docs/cli.md is what the commands say", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/cli.md", import.meta.url));
  assert.equal(page, await renderCommandLinePage(), "run deno task docs");
});

Deno.test("every command has --json and an example", async () => {
  const commands = leafCommands(await buildProgram()).map(pathOf);
  assert.ok(commands.length > 20);
  for (const command of commands) {
    const { code, stdout } = await runInvoked([...command.split(" ").slice(1), "--help"]);
    assert.equal(code, 0, command);
    assert.equal(/ --json /.test(stdout), !WITHOUT_JSON.includes(command), command);
    const example = new RegExp(`^Examples:\n(?:  .*\n)*  .*${command}`, "m");
    assert.equal(example.test(stdout), !WITHOUT_EXAMPLE.includes(command), command);
  }
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
});

Deno.test("completions are a program of the shell", async () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const { code, stdout } = await runInvoked(["completions", shell]);
    assert.equal(code, 0);
    assert.match(stdout, /invoked complete/);
  }
});
