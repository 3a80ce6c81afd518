import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import project from "../../package.json" with { type: "json" };
import { ALL_SETTINGS, GROUP_TITLES, variableOf } from "../../src/config/mod.ts";
import { INVOKED, makeTempDir, runInvoked } from "../support/invoked.ts";

Deno.test("invoked alone prints help", async () => {
  const { code, stdout, stderr } = await runInvoked([]);
  assert.equal(code, 0);
  assert.equal(stderr, "");
  for (const word of ["serve", "config", "token", "Exit codes:"]) assert.ok(stdout.includes(word));
});

Deno.test("invoked --version prints the version of package.json", async () => {
  const { code, stdout } = await runInvoked(["--version"]);
  assert.deepEqual([code, stdout], [0, `invoked ${project.version}\n`]);
});

Deno.test("no variable of the caller's shell or of Node.js runs code in the command, or breaks it", async () => {
  await using directory = await makeTempDir();
  const code = join(directory.path, "code");
  await Deno.writeTextFile(code, "echo code of the caller >&2\n");
  await Deno.writeTextFile(`${code}.cjs`, 'console.log("code of the caller");\n');
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", "exec bin/invoked --version"],
    cwd: dirname(dirname(INVOKED)),
    env: {
      ...{ BASH_ENV: code, ENV: code, NODE_OPTIONS: `--require ${code}.cjs`, NODE_CHANNEL_FD: "3" },
      // With it, cd prints where it goes.
      CDPATH: dirname(dirname(INVOKED)),
    },
  }).output();
  const decoder = new TextDecoder();
  assert.deepEqual(
    [decoder.decode(stdout), decoder.decode(stderr)],
    [`invoked ${project.version}\n`, ""],
  );
});

Deno.test("serve --help lists every setting with its default and variable", async () => {
  const { code, stdout } = await runInvoked(["serve", "--help"]);
  assert.equal(code, 0);
  const text = stdout.replace(/\s+/g, " ");
  for (const title of Object.values(GROUP_TITLES).filter((title) => title !== "Identity")) {
    assert.ok(stdout.includes(`\n${title}:\n`), title);
  }
  for (const { setting } of ALL_SETTINGS) {
    const { name, kind, variableOnly } = setting;
    assert.equal(new RegExp(`--${name} [<[]`).test(text), !variableOnly, name);
    const fallback = setting.default === undefined ? "no default" : `default ${setting.default}`;
    const shown = variableOnly
      ? `${variableOf(setting)}=<${kind.placeholder}>`
      : `[${fallback}, ${variableOf(setting)}]`;
    assert.ok(text.includes(shown), shown);
  }
});

Deno.test("an invalid argument is named on stderr, with the next step and exit code 2", async () => {
  const cases: readonly [readonly string[], RegExp][] = [
    [
      ["serve", "--prot", "1"],
      /^error: Unknown option --prot\nnext: did you mean --port\? Or run .*--help/,
    ],
    [
      ["serv"],
      /^error: Unknown command "serv"\nnext: did you mean serve\? .*--help/,
    ],
    [["serve", "now"], /^error: Too many arguments: now\nnext: .*--help/],
    [
      ["serve", "--port"],
      /^error: Option --port <NUMBER> needs a value\nnext: .*--help/,
    ],
    [["serve", "--port", "http"], /--port: "http" is not a whole number[^]*with --help/],
    [["config", "--memory", "128"], /--memory: "128" is not a size with its unit[^]*--help/],
    [
      ["config", "--max-file", "8MiB"],
      /--max-commit is 4 MiB by default, but must be at least 8 MiB/,
    ],
    [["config", "--master-key", "x"], /Unknown option --master-key/],
    [
      ["history", "x", "--since", "yesterday"],
      /--since: "yesterday" is neither a duration nor a time[^]*1h/,
    ],
    [["logs", "x", "--follow", "--until", "1h"], /Options --until and --follow exclude each other/],
    [["token", "--port", "1"], /Unknown option --port/],
    [["secrets", "set", "hello"], /^error: Missing argument: secret\nnext: /],
    [["completions", "tcsh"], /^error: Invalid shell: "tcsh" is not one of bash, zsh, fish, /],
    [["history", "x", "--status", "odd"], /^error: Invalid --status: "odd" is not one of /],
    [
      ["clients", "create", "x", "--expires", "1y"],
      /^error: Invalid --expires: "1y" is not a duration\nnext: write it with its unit/,
    ],
    [
      ["tag", "--no\nnext: p"],
      /^error: Unknown option .*\nnext: run /,
    ],
  ];
  await Promise.all(cases.map(async ([args, expected]) => {
    const { code, stdout, stderr } = await runInvoked(args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(stdout, "");
    assert.match(stderr, expected);
  }));
});

Deno.test("an unknown variable stops every command", async () => {
  const { code, stderr } = await runInvoked(["config"], { env: { INVOKED_PROT: "1" } });
  assert.equal(code, 2);
  assert.match(stderr, /Unknown setting INVOKED_PROT; did you mean INVOKED_PORT\?/);
});

Deno.test("the command works through links, with paths relative to the caller", async () => {
  await using dir = await makeTempDir();
  await Deno.symlink(INVOKED, join(dir.path, "direct"));
  await Deno.symlink("direct", join(dir.path, "a link"));
  const options = { cwd: dir.path, program: join(dir.path, "a link") };
  const { code, stdout } = await runInvoked(["config", "--data", "my data"], options);
  assert.equal(code, 0);
  assert.ok(stdout.includes(join(dir.path, "my data")));
});
