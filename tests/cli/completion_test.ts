/** What a shell offers at the tab key. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { eventually } from "../support/eventually.ts";
import { INVOKED, makeTempDir, runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { ECHO, HANG } from "../invocations/functions.ts";
import { Running } from "./support.ts";

/** Directives of the scripts, as cobra has them. */
const FILES = 0;
const NO_SPACE = 2;
const NO_FILES = 4;

interface Completed {
  readonly values: string[];
  readonly directive: number;
}

async function complete(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Completed> {
  const { code, stdout, stderr } = await runInvoked(["complete", "--", ...words], { env });
  assert.deepEqual([code, stderr], [0, ""], words.join(" "));
  return completedIn(stdout);
}

function completedIn(stdout: string): Completed {
  const lines = stdout.trimEnd().split("\n");
  assert.match(lines.at(-1) ?? "", /^:\d+$/);
  return {
    values: lines.slice(0, -1).map((line) => line.split("\t")[0] ?? ""),
    directive: Number(lines.at(-1)?.slice(1)),
  };
}

/** Completes until the server has these values: a completion gives up after 3 s, too early on a busy machine. */
async function completesTo(
  values: readonly string[],
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Completed> {
  return await eventually(async () => {
    const completed = await complete(words, env);
    const isWhole = isDeepStrictEqual(completed.values.toSorted(), values.toSorted());
    return isWhole ? completed : undefined;
  }, `${words.join(" ")}: ${values.join(" ")}`);
}

Deno.test("completions know commands, flags and their values without a server", async () => {
  const cases: readonly [string[], string[], number][] = [
    [["rol"], ["rollback", "roles"], NO_FILES],
    [["volumes", "l"], ["list", "ls"], NO_FILES],
    [["help", "doc"], ["doctor"], NO_FILES],
    [["deploy", "--pub"], ["--publish"], NO_FILES],
    [["history", "hello", "--status", "e"], ["error"], NO_FILES],
    [["history", "--status=r"], ["running"], NO_FILES],
    [["serve", "--isolation", "b"], ["bubblewrap"], NO_FILES],
    [["completions", ""], ["bash", "zsh", "fish", "powershell"], NO_FILES],
    [["test", "--junit", ""], [], FILES],
    [["volumes", "put", "sa"], [], FILES],
    [["invoke", "--idempotency-key", ""], [], NO_FILES],
    [["no-such-command", ""], [], NO_FILES],
  ];
  await Promise.all(cases.map(async ([words, values, directive]) => {
    assert.deepEqual(await complete(words), { values, directive }, words.join(" "));
  }));
});

Deno.test("a file of JSON is completed behind @", async () => {
  await using directory = await makeTempDir();
  await Deno.mkdir(join(directory.path, "sub"));
  for (const name of ["first.json", "final.json", "two words.json", ".hidden", "sub/inner.json"]) {
    await Deno.writeTextFile(join(directory.path, name), "{}");
  }
  const cases: readonly [string, string[], number][] = [
    ["", ["@"], NO_FILES | NO_SPACE],
    ["@fi", ["@final.json", "@first.json"], NO_FILES],
    ["@fir", ["@first.json"], NO_FILES],
    ["@s", ["@sub/"], NO_FILES | NO_SPACE],
    ["@sub/", ["@sub/inner.json"], NO_FILES],
    ["@.h", ["@.hidden"], NO_FILES],
    [`@${directory.path}/fir`, [], NO_FILES],
    ["@none/x", [], NO_FILES],
    ["{", [], NO_FILES],
  ];
  const options = { cwd: directory.path };
  await Promise.all(cases.map(async ([last, values, directive]) => {
    for (const words of [["invoke", "x", "--input"], ["trigger", "test", "x", "y", "--body"]]) {
      const { stdout } = await runInvoked(["complete", "--", ...words, last], options);
      assert.deepEqual(completedIn(stdout), { values, directive }, last);
    }
  }));
});

Deno.test("completions are silent while the server is away, and wait for it less than a command", async () => {
  await using directory = await makeTempDir();
  // A listener that never answers.
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const silent = `http://127.0.0.1:${listener.addr.port}`;
  for (
    const flags of [
      ["--data", directory.path],
      ["--server", "http://127.0.0.1:1"],
      ["--server", "not a url"],
    ]
  ) {
    const env = flags[0] === "--data" ? {} : { INVOKED_ACCESS_TOKEN: "x" };
    const completed = await complete(["logs", ...flags, ""], env);
    assert.deepEqual(completed, { values: [], directive: NO_FILES });
  }
  // The command began to wait before, and goes on.
  const env = { INVOKED_ACCESS_TOKEN: "x" };
  await using command = new Running(["list", "--server", silent], env);
  using _waits = await listener.accept();
  await complete(["logs", "--server", silent, ""], env);
  const ended = command.ended().then(() => "ended");
  assert.equal(await Promise.race([ended, Promise.resolve("waits")]), "waits");
});

Deno.test("completions know what the server has", async (t) => {
  await using server = await TestServer.start();
  const client = await server.client();
  const env = { INVOKED_DATA: server.dataDir };
  const { function: { id } } = await client.createFunction("greeter");
  const { body: { commit } } = await client.commit(id, { "main.ts": ECHO });
  await client.post(`/api/v1/functions/${id}/tags`, { name: "release", commitId: commit.id });
  for (const name of ["two words", "$(touch pwned)", "a;b"]) await client.createFunction(name);
  const { body: { invocationId } } = await client.invoke(id, {}, {}, { commitId: commit.id });
  const { body: { volume } } = await client.post("/api/v1/vfs/volumes", { displayName: "data" });
  await client.call(
    "PUT",
    `/api/v1/vfs/volumes/${volume.id}/files/in/sales.csv`,
    new Uint8Array(1),
  );
  const { body: { provider } } = await client.post("/api/v1/workload_federation/providers", {
    displayName: "github",
    issuerUrl: "https://token.actions.githubusercontent.com",
    wellKnownProvider: "WELL_KNOWN_WORKLOAD_PROVIDER_GITHUB_ACTIONS",
    oidc: {},
  });
  const { body: { principleId } } = await client.get("/api/v1/auth/introspect");
  await client.post(`/api/v1/service_principals/${principleId}/trusts`, {
    displayName: "nightly",
    providerId: provider.id,
    conditionExpression: "claims.repository == 'acme/app'",
  });

  const cases: readonly [string, string[], string[], number][] = [
    ["functions", ["logs", "gre"], ["greeter"], NO_FILES],
    ["no function that a shell may expand", ["logs", ""], ["greeter", "hello"], NO_FILES],
    ["functions of flags", ["cancel", "--function", "g"], ["greeter"], NO_FILES],
    ["commits", ["publish", "greeter", ""], ["HEAD", "release", commit.id], NO_FILES],
    ["the commit of a flag", ["invoke", "greeter", "--commit", "r"], ["release"], NO_FILES],
    ["tags", ["tag", "greeter", ""], ["release"], NO_FILES],
    ["invocations", ["show", "greeter", ""], ["latest", invocationId], NO_FILES],
    ["volumes", ["invoke", "greeter", "--volume", ""], ["data"], NO_FILES],
    ["volumes with a path", ["volumes", "cat", "d"], ["data:/"], NO_FILES | NO_SPACE],
    ["directories of volumes", ["volumes", "cat", "data:/"], ["data:/in/"], NO_FILES | NO_SPACE],
    ["files of volumes", ["volumes", "rm", "data:/in/s"], ["data:/in/sales.csv"], NO_FILES],
    ["providers", ["trusts", "create", "x", "--provider", ""], ["github"], NO_FILES],
    ["trusts", ["trusts", "disable", "n"], ["nightly"], NO_FILES],
    ["volumes or files", ["volumes", "cp", "d"], ["data:/"], FILES | NO_SPACE],
  ];
  for (const [name, words, values, directive] of cases) {
    await t.step(name, async () => {
      assert.equal((await completesTo(values, words, env)).directive, directive);
    });
  }
  await t.step("the server of the flags", async () => {
    const flags = ["--data", server.dataDir];
    await completesTo(["greeter"], ["logs", ...flags, "gre"]);
  });
  await t.step("what runs and can be cancelled", async () => {
    const hanging = await client.deploy(HANG);
    const { body } = await client.invoke(hanging, {}, { prefer: "respond-async" });
    await completesTo([body.invocationId], ["cancel", ""], env);
    await client.post(`/api/v1/functions/${hanging}/invocations/${body.invocationId}/cancel`, {});
  });
  await t.step("the script of bash asks for them, and evaluates no word", async () => {
    await using directory = await makeTempDir();
    await Deno.symlink(INVOKED, join(directory.path, "invoked"));
    await Deno.writeTextFile(join(directory.path, "in.json"), "{}");
    const { stdout: script } = await runInvoked(["completions", "bash"]);
    const program = `
      compopt() { echo "compopt $*"; }
      eval "$1"
      eval "$1"
      complete -p invoked
      # A line as bash splits it, and the part of its last word that is replaced.
      press() {
        COMP_LINE=$1 COMP_POINT=\${#1}
        COMP_WORDS=("\${@:3}") COMP_CWORD=$(($# - 3))
        __invoked_complete invoked "$2"
        echo "\${COMPREPLY[@]}"
      }
      press "invoked logs gre" gre invoked logs gre
      press 'invoked logs $(touch pwned) ' '' invoked logs '$(touch' 'pwned)' ''
      press "invoked volumes  ca" ca invoked volumes ca
      press "invoked invoke --input @in." @in. invoked invoke --input @ in.
      press "invoked invoke --input=@in." @in. invoked invoke --input =@ in.
      press "invoked volumes rm data:/in/s" /in/s invoked volumes rm data : /in/s
      press "invoked history --status=ru" ru invoked history --status = ru`;
    const expected = [
      "complete -o default -F __invoked_complete invoked",
      "compopt +o default",
      "greeter",
      "compopt +o default",
      "",
      "compopt +o default",
      "cat",
      "compopt +o default",
      "@in.json",
      "compopt +o default",
      "@in.json",
      "compopt +o default",
      "/in/sales.csv",
      "compopt +o default",
      "running",
      "",
    ].join("\n");
    await eventually(async () => {
      const { stdout, stderr } = await new Deno.Command("bash", {
        args: ["-c", program, "bash", script],
        cwd: directory.path,
        clearEnv: true,
        env: { PATH: `${directory.path}:${Deno.env.get("PATH")}`, ...env },
      }).output();
      assert.equal(new TextDecoder().decode(stderr), "");
      return new TextDecoder().decode(stdout) === expected || undefined;
    }, expected);
    assert.deepEqual(Array.from(Deno.readDirSync(directory.path), ({ name }) => name).toSorted(), [
      "in.json",
      "invoked",
    ]);
  });
});
